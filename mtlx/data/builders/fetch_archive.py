"""Fetching the archive of a source, where the folder has none of its files."""

from pathlib import Path

from mtlx.data.source import Source


def fetch_archive(source: Source, cache: Path) -> dict[str, Path]:
    """The raw files of `source`, by name, downloaded unless they were before.

    Args:
        source: with a `url`.
        cache: the root folder of all prepared data.

    Raises:
        DataError: as `mtlx.data.builders.download`.
    """
    # TFDS takes seconds to import: only where it downloads.
    import tensorflow_datasets as tfds

    from mtlx.data.builders.download import download

    manager = tfds.download.DownloadManager(download_dir=cache / "downloads")
    return download(source, manager)
