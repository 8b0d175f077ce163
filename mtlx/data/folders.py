"""Where raw data are read from and prepared data are kept."""

import os
from pathlib import Path

PathLike = str | os.PathLike[str]


def data_folder(data_dir: PathLike | None) -> Path | None:
    """`data_dir`, else the environment variable MTLX_DATA_DIR, else None."""
    chosen = data_dir or os.environ.get("MTLX_DATA_DIR")
    return Path(chosen).expanduser() if chosen else None


def cache_folder(cache_dir: PathLike | None) -> Path:
    """`cache_dir`, else the variable MTLX_CACHE_DIR, else ~/.cache/mtlx."""
    chosen = cache_dir or os.environ.get("MTLX_CACHE_DIR") or "~/.cache/mtlx"
    return Path(chosen).expanduser().resolve()
