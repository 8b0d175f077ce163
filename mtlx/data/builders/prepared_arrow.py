"""Raw files that no programme may fetch, as mapped tables in the cache."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mtlx.data.errors import DataError
from mtlx.data.folders import PathLike, cache_folder, data_folder
from mtlx.data.tabular.arrow_file import write_arrow

if TYPE_CHECKING:
    import pyarrow

PACKED = ("", ".gz", ".zip")


def find_raw(
    name: str,
    data_dir: PathLike | None,
    folders: Sequence[str],
    *choices: Sequence[str],
) -> list[Path]:
    """The files of the first choice that is there whole; each plain, .gz or .zip.

    Args:
        name: of the data set, for messages.
        data_dir: None means the variable MTLX_DATA_DIR.
        folders: where in it they may lie, or else in it itself.
        choices: names of files, whose order is kept.

    Raises:
        DataError: no folder is named, or none of them has the files.
    """
    root = data_folder(data_dir)
    if root is not None:
        for place in (*(root / folder for folder in folders), root):
            for names in choices:
                if files := _all_of(place, names):
                    return files
    wanted = " or ".join(", ".join(names) for names in choices)
    raise DataError(
        f"{name}: expected the files {wanted} in {folders[0]}/ in the folder that "
        f"data_dir or MTLX_DATA_DIR names, found them not in {root}. They are not "
        f"downloaded: fetch them from where they are published (docs/data/{name}.md)."
    )


def _all_of(place: Path, names: Sequence[str]) -> list[Path]:
    files = []
    for name in names:
        stem = name.rsplit(".", 1)[0]
        options = (place / f"{name}{end}" for end in PACKED)
        found = [p for p in (*options, place / f"{stem}.zip") if p.is_file()]
        if not found:
            return []
        files.append(found[0])
    return files


def prepared_arrow(
    name: str,
    version: str,
    raw: Sequence[Path],
    make: Callable[[], tuple["pyarrow.Schema", Iterable["pyarrow.RecordBatch"]]],
    cache_dir: PathLike | None = None,
    options: str = "",
) -> Path:
    """The file of the rows that `make` makes of raw files, kept in the cache.

    It is made anew where a raw file has another place, size or time of change.

    Args:
        name, version: of the data set and of its prepared form.
        raw: the raw files.
        make: the columns, and the rows block by block.
        cache_dir: see `mtlx.data.folders.cache_folder`.
        options: what else the rows depend on.

    Raises:
        DataError: as `make`.
    """
    status = [(str(p.resolve()), p.stat().st_size, p.stat().st_mtime_ns) for p in raw]
    digest = hashlib.sha256(repr((status, options)).encode()).hexdigest()[:16]
    path = cache_folder(cache_dir) / name / version / f"{digest}.arrow"
    if not path.is_file():
        write_arrow(path, *make())
    return path
