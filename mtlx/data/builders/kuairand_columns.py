"""Preparing KuaiRand-Pure: raw files -> columns."""

from collections.abc import Mapping
from pathlib import Path

from mtlx.data.builders.fetch_archive import fetch_archive
from mtlx.data.builders.kuairand_format import read_kuairand
from mtlx.data.categorical import Columns
from mtlx.data.raw_files import read_verified
from mtlx.data.source import Source


def prepare_kuairand(
    source: Source, files: Mapping[str, Path], cache: Path
) -> dict[str, Columns]:
    """The tables of `source`: parts of the log, users and videos.

    They go from text to columns without records between: all of a table is in memory
    anyway, and no row is ever read by itself.

    Args:
        source: one of the two editions, or another source of the same format.
        files: the raw files by name; {} to download them.
        cache: the root folder of all prepared data.

    Raises:
        DataError: a raw file is missing, damaged, or not the expected one.
    """
    files = files or fetch_archive(source, cache)
    return {
        table: read_kuairand(read_verified(source, name, files[name]), files[name])
        for table, name in source.splits.items()
    }
