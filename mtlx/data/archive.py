"""Taking single files out of a downloaded archive, without TensorFlow.

TFDS's own extraction goes through tf.io.gfile; downloading with it does not.
"""

import functools
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from mtlx.data.errors import DataError
from mtlx.data.source import Source

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz")
DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError)


def unpack(source: Source, archive: Path, folder: Path) -> dict[str, Path]:
    """Writes the files of `source` found in `archive` to `folder`.

    Archives inside the archive are searched too. Only the base names that `source`
    lists are written, so a member's path cannot leave `folder`.

    Raises:
        DataError: `archive` cannot be read or lacks a file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    try:
        for member, content in _members(archive.read_bytes()):
            name = member.removesuffix(".gz")
            if name in source.sha256:
                written[name] = folder / member
                written[name].write_bytes(content)
    except DAMAGE as error:
        raise DataError(_complaint(source, archive, str(error))) from error
    missing = sorted(set(source.sha256) - set(written))
    if missing:
        raise DataError(_complaint(source, archive, f"no {', '.join(missing)}"))
    return written


def read_member(archive: Path, name: str) -> bytes:
    """The content of the file `name` in `archive`, in whichever folder of it.

    Raises:
        DataError: `archive` cannot be read or lacks the file.
        FileNotFoundError: there is no archive.
    """
    try:
        members = _contents(archive, archive.stat().st_mtime_ns)
    except (zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, EOFError) as error:
        raise DataError(
            f"{archive}: expected an archive, found a damaged one ({error}). Fetch it "
            f"again."
        ) from error
    if name not in members:
        raise DataError(
            f"{archive}: expected an archive that holds {name}, found "
            f"{sorted(members)}. Fetch it again."
        )
    return members[name]


@functools.lru_cache(maxsize=1)
def _contents(archive: Path, changed: int) -> dict[str, bytes]:
    """All files: a solid archive of many would else be unpacked once for each."""
    return dict(_members(archive.read_bytes()))


def _members(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Base name and content of every file, those of nested archives included."""
    opened = _zip if zipfile.is_zipfile(io.BytesIO(content)) else _tar
    for path, member in opened(content):
        name = PurePosixPath(path).name
        if name.endswith(ARCHIVES):
            yield from _members(member)
        else:
            yield name, member


def _zip(content: bytes) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                yield info.filename, archive.read(info)


def _tar(content: bytes) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for info in archive:
            if info.isfile():
                yield info.name, archive.extractfile(info).read()


def _complaint(source: Source, archive: Path, found: str) -> str:
    return (
        f"{archive} (downloaded from {source.url}): expected an archive that holds "
        f"{sorted(source.sha256)}, each plain or with .gz; found {found}. Load again "
        f"to have it downloaded again, or put the files into data_dir yourself."
    )
