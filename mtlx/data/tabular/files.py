"""Which files a table is made of."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from mtlx.data.errors import DataError
from mtlx.data.folders import PathLike, existing_files
from mtlx.data.tabular.shares import PARTS

ENDINGS = tuple(
    ending + packed
    for ending in (".parquet", ".pq", ".csv", ".tsv", ".txt")
    for packed in ("", ".gz")
)
Paths = PathLike | Sequence[PathLike]


def find_table_files(files: Paths | Mapping[str, Paths]) -> dict[str, list[Path]]:
    """Part -> its files, training first; "" for files that are to be split.

    A folder stands for the files in it, by name, as a cluster writes them.

    Raises:
        ValueError: an unknown part, or none for training.
        DataError: a file does not exist, or a folder holds none.
    """
    if not isinstance(files, Mapping):
        return {"": _expanded(files)}
    if "train" not in files or not set(files) <= set(PARTS):
        raise ValueError(
            f"table: expected files for train, and maybe validation and test, found "
            f"{sorted(files)}. Mend data.files."
        )
    return {part: _expanded(files[part]) for part in PARTS if part in files}


def _expanded(paths: Paths) -> list[Path]:
    one = isinstance(paths, str | os.PathLike)
    found: list[Path] = []
    for path in [Path(path) for path in ([paths] if one else paths)]:
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.name.endswith(ENDINGS))
            if not inside:
                raise DataError(
                    f"{path}: expected a file or a folder of files {ENDINGS[::2]}, "
                    f"found a folder without. Mend data.files."
                )
            found += inside
        else:
            found += existing_files(path)
    if not found:
        raise DataError("table: expected a file, found none. Mend data.files.")
    return found
