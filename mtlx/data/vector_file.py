"""Vectors that another model made, one a row, from a file."""

import zipfile
from pathlib import Path

import numpy as np

from mtlx.data.errors import DataError
from mtlx.data.folders import PathLike, existing_files

MEND = "Write it with np.save(path, vectors), or np.savez(path, name=vectors)."


def read_vectors(path: PathLike, rows: int, array: str | None = None) -> np.ndarray:
    """The array [rows, D] of a .npy or .npz file, memory-mapped.

    A row is read when it is used. Of a .npz file that holds for what np.savez wrote;
    what np.savez_compressed wrote is read at once.

    Args:
        path: the file.
        rows: of the table that the vectors belong to, in the same order.
        array: its name in a .npz file that holds several.

    Raises:
        DataError: no such file or array, another number of rows or of dimensions, or
            entries that are no numbers.
    """
    (file,) = existing_files(path)
    try:
        zipped = zipfile.is_zipfile(file)
        vectors = _member(file, array) if zipped else np.load(file, mmap_mode="r")
    except DataError:
        raise
    except (ValueError, EOFError, OSError) as error:
        raise DataError(
            f"{file}: expected an array of numbers, found {error}. {MEND}"
        ) from error
    if vectors.ndim != 2:
        raise DataError(
            f"{file}: expected two dimensions, rows and width, found shape "
            f"{vectors.shape}. {MEND}"
        )
    if len(vectors) != rows:
        raise DataError(
            f"{file}: expected {rows} rows (dimension 0), one for each of the table, "
            f"found {len(vectors)}, of shape {vectors.shape}. Make the vectors of the "
            f"same rows in the same order."
        )
    if vectors.dtype.kind not in "fiu":
        raise DataError(f"{file}: expected numbers, found {vectors.dtype}. {MEND}")
    return vectors


def _member(file: Path, array: str | None) -> np.ndarray:
    """One array of a .npz file; mapped, where it is stored as it is."""
    with zipfile.ZipFile(file) as archive:
        found = [name.removesuffix(".npy") for name in archive.namelist()]
        chosen = found[0] if array is None and len(found) == 1 else array
        if chosen not in found:
            raise DataError(
                f"{file}: expected one array or the name of one, found {found} and "
                f"array={array!r}. Name one of them."
            )
        info = archive.getinfo(f"{chosen}.npy")
        with archive.open(info) as member:
            if info.compress_type != zipfile.ZIP_STORED:
                return np.lib.format.read_array(member)
            version = np.lib.format.read_magic(member)
            read = getattr(np.lib.format, f"read_array_header_{version[0]}_0")
            shape, fortran, dtype = read(member)
            header = member.tell()
    order = "F" if fortran else "C"
    offset = _begin(file, info) + header
    return np.memmap(file, dtype, "r", offset, shape, order)


def _begin(file: Path, info: zipfile.ZipInfo) -> int:
    """Where a member's content begins: behind a header of 30 bytes, name and extra."""
    with file.open("rb") as opened:
        opened.seek(info.header_offset + 26)
        lengths = np.frombuffer(opened.read(4), "<u2")
    return info.header_offset + 30 + int(lengths.sum())
