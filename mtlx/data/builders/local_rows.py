"""The rows of a file that no programme may fetch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mtlx.data.errors import DataError
from mtlx.data.raw_files import read_verified
from mtlx.data.source import Source


def local_rows(source: Source, files: Mapping[str, Path], name: str) -> list[Any]:
    """The rows of the file `name` of `source`, which has no address to download from.

    Raises:
        DataError: it is not at hand, damaged, or not the published one.
    """
    if name not in files:
        either = f", or one of {list(source.archives)}," if source.archives else ""
        raise DataError(
            f"{source.name}: expected the file {name}{either} in {source.raw_name}/ in "
            f"the folder that data_dir or MTLX_DATA_DIR names, found none. It is not "
            f"downloaded: fetch it from where it is published and put it there."
        )
    content = read_verified(source, name, files[name])
    return list(source.parse(content, files[name]))
