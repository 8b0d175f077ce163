"""Fetching the files of a source that have an address each."""

import gzip
from pathlib import Path

import tensorflow_datasets as tfds

from mtlx.data.errors import DataError
from mtlx.data.raw_files import find_files, read_verified
from mtlx.data.source import Source


def download_files(source: Source, cache: Path) -> dict[str, Path]:
    """The raw files of `source`, by name, downloaded unless they were before.

    Args:
        source: with `urls`, each of a file, compressed by gzip if its name says so.
        cache: the root folder of all prepared data.

    Raises:
        DataError: a file cannot be fetched, or is not the published one.
    """
    folder = cache / source.name / "files"
    folder.mkdir(parents=True, exist_ok=True)
    if found := find_files(source._replace(raw_name="."), folder):
        return found
    manager = tfds.download.DownloadManager(download_dir=cache / "downloads")
    fetched = {name: _fetch(source, name, manager) for name in source.urls}
    files = {name: folder / f"{name}.gz" for name in fetched}
    for name, content in fetched.items():
        partial = files[name].with_suffix(".partial")
        partial.write_bytes(gzip.compress(content, 1))
        partial.replace(files[name])
    return files


def _fetch(source: Source, name: str, manager: tfds.download.DownloadManager) -> bytes:
    """The verified content of one file; what the manager kept of it is removed."""
    url = source.urls[name]
    try:
        path = Path(manager.download(url))
    except (tfds.download.DownloadError, OSError) as error:
        raise DataError(
            f"{url}: expected to download {name}, found {error!r}. Fetch it by other "
            f"means and put it into {source.raw_name}/ in the folder that data_dir or "
            f"MTLX_DATA_DIR names."
        ) from error
    ending = ".gz" if url.endswith(".gz") else ""
    fetched = path.rename(path.with_name(f"{name}{ending}"))
    try:
        return read_verified(source, name, fetched)
    finally:
        fetched.unlink()
        path.with_name(f"{path.name}.INFO").unlink(missing_ok=True)
