"""The IDX format of MNIST: arrays of bytes behind a short header."""

from pathlib import Path

import numpy as np

from mtlx.data.errors import DataError

UNSIGNED_BYTE = 8
MEND = "Fetch the file again, or delete it and load again to have it downloaded."


def parse_idx(content: bytes, path: Path) -> np.ndarray:
    """The array uint8 [N, ...] in the (uncompressed) content of an IDX file.

    Bytes 0 and 1 are 0, byte 2 is the type of the entries, byte 3 their number of
    dimensions; then each dimension as a big-endian 32-bit integer; then the entries,
    the last dimension running fastest.

    Args:
        content: of the file.
        path: its name, for error messages.

    Raises:
        DataError: another header, entries that are no bytes, or not as many of them as
            the header says.

    Reference: LeCun, Cortes, Burges, "The MNIST database of handwritten digits", 1998,
    section "File formats".
    """
    if len(content) < 4 or content[:2] != b"\0\0":
        raise DataError(
            f"{path}: expected an IDX file, which begins with two bytes of 0, found "
            f"{content[:4]!r}. {MEND}"
        )
    kind, dimensions = content[2], content[3]
    if kind != UNSIGNED_BYTE:
        raise DataError(
            f"{path}: expected entries of type {UNSIGNED_BYTE} (unsigned bytes), found "
            f"type {kind}. {MEND}"
        )
    begin = 4 + 4 * dimensions
    if len(content) < begin:
        raise DataError(
            f"{path}: expected a header of {begin} bytes, for {dimensions} dimensions, "
            f"found {len(content)}. {MEND}"
        )
    shape = tuple(np.frombuffer(content[4:begin], ">u4").tolist())
    found, expected = len(content) - begin, int(np.prod(shape))
    if found != expected:
        raise DataError(
            f"{path}: expected as many bytes as its dimensions say, {shape} or "
            f"{expected}, found {found}. {MEND}"
        )
    return np.frombuffer(content, np.uint8, offset=begin).reshape(shape)
