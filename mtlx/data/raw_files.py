"""Finding raw files in a folder and reading them, compressed or not."""

import gzip
import hashlib
import zlib
from pathlib import Path

from mtlx.data.archive import ARCHIVES, read_member
from mtlx.data.errors import DataError
from mtlx.data.source import Source

MEND = "Fetch it again, or delete it and load again to have it downloaded."


def find_files(source: Source, folder: Path | None) -> dict[str, Path]:
    """The files of `source`, by name, or {} where `folder` holds none of them.

    Looks in `folder/<raw_name>` and in `folder` itself, for `<name>` and `<name>.gz`,
    and where there are none for an archive that holds them, which is then the path of
    each; a source that ships with mtlx is looked for in its own folder alone.

    Raises:
        DataError: `folder` does not exist, the files are there in part only, or a
            source that ships with mtlx has none.
    """
    if source.folder is not None:
        if shipped := _files_in(source, source.folder):
            return shipped
        raise DataError(
            f"{source.folder}: expected the files {sorted(source.sha256)} that ship "
            f"with mtlx, found none. Install mtlx anew."
        )
    if folder is None:
        return {}
    if not folder.is_dir():
        raise DataError(
            f"data_dir: expected a folder that holds {source.raw_name}/, found no "
            f"folder {folder}. Mend the path (argument data_dir or variable "
            f"MTLX_DATA_DIR), or leave it out to have the files downloaded."
        )
    return _files_in(source, folder / source.raw_name) or _files_in(source, folder)


def _files_in(source: Source, place: Path) -> dict[str, Path]:
    found = {
        name: path
        for name in source.sha256
        for path in (place / name, place / f"{name}.gz")
        if path.is_file()
    }
    for archive in (place / name for name in source.archives if not found):
        if archive.is_file():
            return dict.fromkeys(source.sha256, archive)
    missing = sorted(set(source.sha256) - set(found))
    if found and missing:
        raise DataError(
            f"{place}: expected the files {sorted(source.sha256)} (each plain or with "
            f".gz), found no {', '.join(missing)}. Put the missing file there, or take "
            f"the others away to have all of them downloaded."
        )
    return found


def read_file(path: Path, name: str | None = None) -> bytes:
    """The content of `path`, uncompressed if its name ends in .gz.

    Args:
        path: a file, or an archive (.zip, .tar, .tar.gz, .tar.xz).
        name: the file that is wanted of an archive.

    Raises:
        DataError: the file does not exist, or its compression is damaged.
    """
    try:
        if name is not None and path.name.endswith(ARCHIVES):
            return read_member(path, name)
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except FileNotFoundError as error:
        raise DataError(
            f"{path}: expected a file, found none. Put it there, or mend data_dir."
        ) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"{path}: expected a whole gzip file, found a damaged one ({error}). {MEND}"
        ) from error


def within(path: Path, name: str) -> Path:
    """`path`, or where that is an archive the path of its file `name`."""
    return path / name if path.name.endswith(ARCHIVES) else path


def read_verified(source: Source, name: str, path: Path) -> bytes:
    """The content of `path` if it is that of the file `name` of `source`.

    A file with another digest is parsed in search of the first broken line, since that
    says more than two digests do; so is one whose digest is not known (None).

    Raises:
        DataError: the content is not the expected one.
    """
    content = read_file(path, name)
    expected, found = source.sha256[name], hashlib.sha256(content).hexdigest()
    if found == expected:
        return content
    for _ in source.parse(content, within(path, name)):
        pass
    if expected is not None:
        raise DataError(
            f"{path}: every line reads well, but the content is not the published one: "
            f"expected sha256 {expected} (uncompressed), found {found}. "
            f"{MEND}"
        )
    return content
