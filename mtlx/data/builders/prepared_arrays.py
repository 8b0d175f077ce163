"""Raw files that no programme may fetch, as NumPy arrays in the cache."""

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from mtlx.data.folders import PathLike, cache_folder


def prepared_arrays(
    name: str,
    version: str,
    raw: Sequence[Path],
    make: Callable[[Path], None],
    cache_dir: PathLike | None = None,
    options: str = "",
) -> Path:
    """The folder of what `make(folder)` writes into one, all of it or nothing.

    It is made anew where a raw file or folder has another place, size or time of
    change.

    Args:
        name, version: of the data set and of its prepared form.
        raw: the raw files.
        make: writes the arrays (.npy) that it makes of them.
        cache_dir: see `mtlx.data.folders.cache_folder`.
        options: what else the arrays depend on.

    Raises:
        DataError: as `make`.
    """
    status = [(str(p.resolve()), p.stat().st_size, p.stat().st_mtime_ns) for p in raw]
    digest = hashlib.sha256(repr((status, options)).encode()).hexdigest()[:16]
    place = cache_folder(cache_dir) / name / version / digest
    if not place.is_dir():
        # Runs of one sweep may write at the same time: each to a folder of its own.
        partial = place.with_name(f"{digest}.{os.getpid()}.partial")
        partial.mkdir(parents=True)
        try:
            make(partial)
            _move(partial, place)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return place


def _move(partial: Path, place: Path) -> None:
    """What another run made in the meantime is the same, and stays."""
    try:
        partial.rename(place)
    except OSError:
        if not place.is_dir():
            raise
