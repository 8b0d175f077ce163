"""Text of fields parted by commas, tabs or bars, checked column by column."""

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
            (float64), "number?" (an empty field is NaN), "text" (`Categorical`; an
            empty field is a value), "raw" (an array of the texts, to be read further),
            or the texts that are allowed (`Categorical`).
        delimiter: between fields. Quotes have a meaning beside commas alone.
        header: whether the first line names the columns.
        encoding: of the text.
    """

    kinds: Mapping[str, str | tuple[str, ...]]
    delimiter: str = ","
    header: bool = True
    encoding: str = "utf-8"

    def read(self, content: bytes, path: Path) -> Columns:
        """The columns of a file.

        Args:
            content: the uncompressed file: maybe a header, then one row a line.
            path: where it came from, for the error messages.

        Raises:
            DataError: the text is not in the encoding, the header has other columns, a
                line another number of fields, or a field is not of its column's kind.
        """
        text = io.StringIO(_text(content, path, self.encoding), newline="")
        quoting = csv.QUOTE_MINIMAL if self.delimiter == "," else csv.QUOTE_NONE
        lines = csv.reader(text, delimiter=self.delimiter, quoting=quoting)
        if self.header:
            self._check_header(next(lines, []), path)
        rows = list(lines)
        if not rows:
            raise DataError(
                f"{path}: expected rows{' below the header' * self.header}, found "
                f"none. Fetch it again."
            )
        first = 1 + self.header
        self._check_lengths(rows, first, path)
        return {
            name: _column(values, kind, f"column {place} ({name})", first, path)
            for place, (values, (name, kind)) in enumerate(
                zip(zip(*rows, strict=True), self.kinds.items(), strict=True), start=1
            )
        }

    def _check_header(self, header: list[str], path: Path) -> None:
        if header != list(self.kinds):
            raise DataError(
                f"{path}, line 1: expected the columns "
                f"{self.delimiter.join(self.kinds)}, found "
                f"{self.delimiter.join(header)}. Fetch the file again."
            )

    def _check_lengths(self, rows: list[list[str]], first: int, path: Path) -> None:
        for number, row in enumerate(rows, start=first):
            if len(row) != len(self.kinds):
                raise DataError(
                    f"{path}, line {number}: expected {len(self.kinds)} fields, found "
                    f"{len(row)}: {self.delimiter.join(row)[:60]!r}... {MEND}"
                )


class Kind(NamedTuple):
    """How a column of text is converted, and what is expected of a field."""

    convert: Callable[[np.ndarray], Column]
    expected: str


def _text(content: bytes, path: Path, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}, line {number}: expected {encoding.upper()} text, found the byte "
            f"{content[error.start : error.start + 1]!r}. {MEND}"
        ) from None


def _column(
    values: tuple[str, ...],
    kind: str | tuple[str, ...],
    where: str,
    first: int,
    path: Path,
) -> Column:
    fields = np.array(values)
    of = _one_of(kind) if isinstance(kind, tuple) else KINDS[kind]
    try:
        return of.convert(fields)
    except ValueError:
        # One by one in search of the first: a whole column at once does not say which.
        row = next(row for row, field in enumerate(fields) if not _fits(field, of))
        raise DataError(
            f"{path}, line {first + row}, {where}: expected {of.expected}, found "
            f"{str(fields[row])!r}. {MEND}"
        ) from None


def _fits(field: str, of: Kind) -> bool:
    try:
        of.convert(np.array([field]))
    except ValueError:
        return False
    return True


def _one_of(allowed: tuple[str, ...]) -> Kind:
    def convert(fields: np.ndarray) -> Categorical:
        column = Categorical.of(fields)
        if not set(column.values.tolist()) <= set(allowed):
            raise ValueError
        return column

    return Kind(convert, f"one of {', '.join(allowed)}")


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
    "raw": Kind(lambda fields: fields, "text"),
}
