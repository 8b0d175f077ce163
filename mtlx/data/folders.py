"""Where raw data are read from and prepared data are kept."""

import os
from collections.abc import Sequence
from pathlib import Path

from mtlx.data.errors import DataError

PathLike = str | os.PathLike[str]


def data_folder(data_dir: PathLike | None) -> Path | None:
    """`data_dir`, else the environment variable MTLX_DATA_DIR, else None."""
    chosen = data_dir or os.environ.get("MTLX_DATA_DIR")
    return Path(chosen).expanduser() if chosen else None


def cache_folder(cache_dir: PathLike | None) -> Path:
    """`cache_dir`, else the variable MTLX_CACHE_DIR, else ~/.cache/mtlx."""
    chosen = cache_dir or os.environ.get("MTLX_CACHE_DIR") or "~/.cache/mtlx"
    return Path(chosen).expanduser().resolve()


def existing_files(paths: PathLike | Sequence[PathLike]) -> list[Path]:
    """One path or several, as files that are there.

    Raises:
        DataError: one is not, or there are none.
    """
    one = isinstance(paths, str | os.PathLike)
    files = [Path(path) for path in ([paths] if one else paths)]
    absent = [str(path) for path in files if not path.is_file()]
    if absent or not files:
        raise DataError(
            f"Expected paths of files that exist, found {', '.join(absent) or 'none'}. "
            f"Check the paths."
        )
    return files
