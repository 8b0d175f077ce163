"""Comma-separated text with a header, checked column by column."""

import csv
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mtlx.data.categorical import Categorical, Column, Columns
from mtlx.data.errors import DataError

MEND = "Mend the line, or fetch the file again."


class CsvTable(NamedTuple):
    """The columns of a file, in its order, and what each of them holds.

    Args:
        kinds: column -> "whole" (0, 1, 2, ..; int64), "flag" (0 or 1; int8), "number"
            (float64), "number?" (an empty field is NaN) or "text" (`Categorical`; an
            empty field is a value).
    """

    kinds: Mapping[str, str]

    def read(self, content: bytes, path: Path) -> Columns:
        """The columns of a file.

        Args:
            content: the uncompressed file: a header, then one row a line.
            path: where it came from, for the error messages.

        Raises:
            DataError: the text is no UTF-8, the header has other columns, a line
                another number of fields, or a field is not of its column's kind.
        """
        lines = csv.reader(io.StringIO(_text(content, path), newline=""))
        header = next(lines, [])
        if header != list(self.kinds):
            raise DataError(
                f"{path}, line 1: expected the columns {','.join(self.kinds)}, found "
                f"{','.join(header)}. Fetch the file again."
            )
        rows = list(lines)
        if not rows:
            raise DataError(
                f"{path}: expected rows below the header, found none. Fetch it again."
            )
        self._check_lengths(rows, path)
        return {
            name: _column(values, kind, f"column {place} ({name})", path)
            for place, (values, (name, kind)) in enumerate(
                zip(zip(*rows, strict=True), self.kinds.items(), strict=True), start=1
            )
        }

    def _check_lengths(self, rows: list[list[str]], path: Path) -> None:
        for number, row in enumerate(rows, start=2):
            if len(row) != len(self.kinds):
                raise DataError(
                    f"{path}, line {number}: expected {len(self.kinds)} fields, found "
                    f"{len(row)}: {','.join(row)[:60]!r}... {MEND}"
                )


class Kind(NamedTuple):
    """How a column of text is converted, and what is expected of a field."""

    convert: Callable[[np.ndarray], Column]
    expected: str


def _text(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}, line {number}: expected UTF-8 text, found the byte "
            f"{content[error.start : error.start + 1]!r}. {MEND}"
        ) from None


def _column(values: tuple[str, ...], kind: str, where: str, path: Path) -> Column:
    fields = np.array(values)
    try:
        return KINDS[kind].convert(fields)
    except ValueError:
        # One by one in search of the first: a whole column at once does not say which.
        number = next(n for n, v in enumerate(fields, start=2) if not _fits(v, kind))
        raise DataError(
            f"{path}, line {number}, {where}: expected {KINDS[kind].expected}, found "
            f"{str(fields[number - 2])!r}. {MEND}"
        ) from None


def _fits(field: str, kind: str) -> bool:
    try:
        KINDS[kind].convert(np.array([field]))
    except ValueError:
        return False
    return True


def _flag(fields: np.ndarray) -> np.ndarray:
    if not np.isin(fields, ("0", "1")).all():
        raise ValueError
    return (fields == "1").astype(np.int8)


def _number(fields: np.ndarray, or_nothing: bool) -> np.ndarray:
    empty = (fields == "") & or_nothing
    numbers = np.where(empty, "nan", fields).astype(np.float64)
    if (~np.isfinite(numbers) & ~empty).any():
        raise ValueError
    return numbers


def _whole(fields: np.ndarray) -> np.ndarray:
    numbers = fields.astype(np.int64)
    if (numbers < 0).any():
        raise ValueError
    return numbers


KINDS = {
    "whole": Kind(_whole, "a whole number from 0 on"),
    "flag": Kind(_flag, "0 or 1"),
    "number": Kind(lambda fields: _number(fields, False), "a number"),
    "number?": Kind(lambda fields: _number(fields, True), "a number or nothing"),
    "text": Kind(Categorical.of, "text"),
}
