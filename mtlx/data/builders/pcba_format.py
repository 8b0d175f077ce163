"""The files of PCBA: fingerprints, labels and their weights, a molecule a line."""

import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mtlx.data.categorical import Columns
from mtlx.data.errors import DataError

BITS, TASKS = 1024, 128
MEND = "Mend the line, or fetch the file again."
NUMBER = re.compile(rb"[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?")


def parse_pcba(content: bytes, path: Path) -> Iterator[Columns]:
    """One item, the columns of a file: the form that `Source.parse` has.

    Which file it is says its name: of "..features.csv" the item is {"bits": [B, 128]
    uint8}, 1,024 bits packed, of "..y.csv" {"label": [B, 128] int8}, and of "..w.csv"
    {"known": [B, 128] bool}, a weight above 0.

    Raises:
        DataError: the header is not the columns' numbers, a line has another number of
            fields, or a field is no bit, label or weight.
    """
    name = path.name
    if "features" in name:
        bits = _fixed(content, path, BITS, (b"0", b"1"))
        yield {"bits": np.packbits(bits, axis=1)}
    elif "_y" in name:
        yield {"label": _fixed(content, path, TASKS, (b"0.0", b"1.0")).astype(np.int8)}
    else:
        yield {"known": _numbers(content, path, TASKS) > 0}


def _fixed(
    content: bytes, path: Path, columns: int, values: tuple[bytes, bytes]
) -> np.ndarray:
    """[B, columns] bool, of fields that are all as wide: which hold the second."""
    body = _body(content, path, columns)
    width = len(values[0]) + 1
    raw = np.frombuffer(body, np.uint8)
    if raw.size % (columns * width):
        _refuse(body, path, columns, values)
    cells = raw.reshape(-1, columns, width)
    ends = np.full(columns, ord(","), np.uint8)
    ends[-1] = ord("\n")
    second = cells[:, :, 0] == values[1][0]
    right = second | (cells[:, :, 0] == values[0][0])
    right &= cells[:, :, -1] == ends[None]
    for place in range(1, width - 1):  # which both values have alike
        right &= cells[:, :, place] == values[0][place]
    if not right.all():
        _refuse(body, path, columns, values)
    return second


def _numbers(content: bytes, path: Path, columns: int) -> np.ndarray:
    """[B, columns] float64."""
    body = _body(content, path, columns)
    raw = np.frombuffer(body, np.uint8)
    ends = np.flatnonzero(raw == ord("\n"))
    commas = np.cumsum(raw == ord(","))[ends]
    if (commas != (columns - 1) * np.arange(1, len(ends) + 1)).any():
        _refuse(body, path, columns)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # NumPy only warns of what is no number
            flat = np.fromstring(body.replace(b"\n", b",").rstrip(b","), sep=",")
    except (DeprecationWarning, ValueError):
        flat = np.full(1, -1.0)
    if flat.size != len(ends) * columns or not (flat >= 0).all():
        _refuse(body, path, columns)
    return flat.reshape(-1, columns)


def _body(content: bytes, path: Path, columns: int) -> bytes:
    """What stands below the header."""
    header, _, body = content.partition(b"\n")
    if header != ",".join(map(str, range(columns))).encode():
        raise DataError(
            f"{path}, line 1: expected the columns 0 to {columns - 1}, found "
            f"{header[:60].decode(errors='replace')!r}.. of {len(header)} letters. "
            f"Fetch the file again."
        )
    if not body.endswith(b"\n"):
        raise DataError(
            f"{path}: expected whole rows below the header, found "
            f"{body[-30:].decode(errors='replace')!r} at the end. Fetch it again."
        )
    return body


def _refuse(
    body: bytes, path: Path, columns: int, values: tuple[bytes, ...] = ()
) -> None:
    """Names the first field that is wrong; called where there is one.

    Raises:
        DataError: always.
    """
    expected = " or ".join(v.decode() for v in values) or "a number from 0 on"
    for number, line in enumerate(body.split(b"\n")[:-1], start=2):
        fields = line.split(b",")
        if len(fields) != columns:
            raise DataError(
                f"{path}, line {number}: expected {columns} fields, found "
                f"{len(fields)}. {MEND}"
            )
        for place, field in enumerate(fields, start=1):
            if not (field in values if values else NUMBER.fullmatch(field)):
                raise DataError(
                    f"{path}, line {number}, column {place}: expected {expected}, "
                    f"found {field.decode(errors='replace')!r}. {MEND}"
                )
    raise DataError(f"{path}: expected fields of {expected}. Fetch the file again.")
