"""Preparing a source whose files hold one table each."""

from collections.abc import Mapping
from pathlib import Path

from mtlx.data.categorical import Columns
from mtlx.data.raw_files import read_verified, within
from mtlx.data.source import Source


def prepare_files(
    source: Source, files: Mapping[str, Path], cache: Path
) -> dict[str, Columns]:
    """The columns of every split, each the one item that its file is parsed to.

    Raises:
        DataError: a file is damaged, or not the published one.
    """
    if not files:
        # Here, so that a load from a folder does not import TFDS.
        from mtlx.data.builders.download_files import download_files

        files = download_files(source, cache)
    columns = {}
    for split, name in source.splits.items():
        content = read_verified(source, name, files[name])
        (columns[split],) = source.parse(content, within(files[name], name))
    return columns
