"""Fetching the raw files of a source through TFDS's download manager."""

import shutil
from pathlib import Path

import tensorflow_datasets as tfds

from mtlx.data.archive import unpack
from mtlx.data.errors import DataError
from mtlx.data.raw_files import read_verified
from mtlx.data.source import Source


def download(source: Source, manager: tfds.download.DownloadManager) -> dict[str, Path]:
    """The raw files of `source`, by name, downloaded unless they were before.

    Raises:
        DataError: the archive cannot be fetched, lacks a file, or holds another one.
    """
    try:
        archive = Path(manager.download(source.url))
    except (tfds.download.DownloadError, OSError) as error:
        raise DataError(
            f"{source.url}: expected to download an archive of "
            f"{sorted(source.sha256)}, found {error!r}. Fetch it by other "
            f"means and put these files into {source.raw_name}/ in the folder that "
            f"data_dir or MTLX_DATA_DIR names."
        ) from error
    folder = archive.with_name(f"{archive.name}.files")
    try:
        files = unpack(source, archive, folder)
        for name, path in files.items():
            read_verified(source, name, path)
    except DataError:
        # Left in the cache, a wrong archive would be found there at the next load.
        archive.unlink()
        archive.with_name(f"{archive.name}.INFO").unlink()
        shutil.rmtree(folder)
        raise
    return files
