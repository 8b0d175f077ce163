"""Preparing a set of tables: raw files -> columns, without records between.

All of a table is in memory anyway, and no row is ever read by itself.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from mtlx.data.builders.fetch_archive import fetch_archive
from mtlx.data.categorical import Columns
from mtlx.data.errors import DataError
from mtlx.data.raw_files import read_verified, within
from mtlx.data.source import Source


def prepare_tables(
    source: Source,
    files: Mapping[str, Path],
    cache: Path,
    read: Callable[[bytes, Path], Columns],
) -> dict[str, Columns]:
    """The tables of `source`, by the names of its splits.

    Args:
        source: the raw files; one that has no `url` is not downloaded.
        files: the raw files by name; {} if the folder has none of them.
        cache: the root folder of all prepared data.
        read: (content, path) -> columns of one file.

    Raises:
        DataError: a raw file is missing, damaged, or not the expected one.
    """
    if not files and source.url is None:
        raise DataError(
            f"{source.name}: expected the files {sorted(source.sha256)} (each plain or "
            f"with .gz) in {source.raw_name}/ in the folder that data_dir or "
            f"MTLX_DATA_DIR names, found none. They are not downloaded: fetch them "
            f"from where they are published and put them there."
        )
    files = files or fetch_archive(source, cache)
    return {
        table: read(read_verified(source, name, files[name]), within(files[name], name))
        for table, name in source.splits.items()
    }
