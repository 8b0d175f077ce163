"""Where the raw files of a data set come from, and what they must hold."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple


class Source(NamedTuple):
    """A set of raw files that is known by the digests of its content.

    Content, not location, is the identity: whether the files lie in the user's folder,
    ship with mtlx or are downloaded, they are held against the same `sha256`. A digest
    that nobody has published, and that we could not take ourselves, is None: such a
    file is held against its format alone.
    """

    name: str  # of the data set, e.g. "census_income"
    config: str  # which version of its content, e.g. "full" or "sample"
    version: str  # of the prepared form; raise it when that changes
    raw_name: str  # the folder that holds the files inside `data_dir`
    splits: Mapping[str, str]  # split -> file name
    sha256: Mapping[str, str | None]  # file name -> digest of its uncompressed content
    parse: Callable[[bytes, Path], Iterable]  # (content, path) -> rows; refuses others
    url: str | None = None  # archive to download when no folder has the files
    urls: Mapping[str, str] = MappingProxyType({})  # file -> its own address
    folder: Path | None = None  # where the files are when they ship with mtlx
    archives: tuple[str, ...] = ()  # under which names an archive of the files may lie

    def prepared(self, cache_dir: Path) -> Path:
        """The folder of the prepared form, laid out as TFDS lays it out."""
        return cache_dir / self.name / self.config / self.version
