"""The columns of the Women's Clothing Reviews file, and one row at a time."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mtlx.data.errors import DataError

COLUMNS = (
    "",  # the row's number
    "Clothing ID",
    "Age",
    "Title",
    "Review Text",
    "Rating",
    "Recommended IND",
    "Positive Feedback Count",
    "Division Name",
    "Department Name",
    "Class Name",
)
DEPARTMENTS = ("Bottoms", "Dresses", "Intimate", "Jackets", "Tops", "Trend")
# column -> what its fields may hold: a label that is none of these would silently be
# another class
ALLOWED = {
    "Rating": ("1", "2", "3", "4", "5"),
    "Recommended IND": ("0", "1"),
    "Department Name": ("", *DEPARTMENTS),
}
MEND = "Mend the file, or fetch it again."


class Review(NamedTuple):
    """One row of the file; title and text may be empty."""

    title: str
    text: str
    rating: int
    recommended: int
    department: str  # "" where it is missing


def parse_womens_clothing(content: bytes, path: Path) -> Iterator[Review]:
    """The rows of the raw file, in its order, those without a text included.

    Args:
        content: the file: CSV with a header, UTF-8; a text may go over several lines.
        path: where it came from, for the error messages.

    Raises:
        DataError: text that is not UTF-8, another header, a row with another number of
            fields, or a label that is none.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataError(
            f"{path}, line {line}: expected UTF-8 text, found "
            f"{content[error.start : error.start + 20]!r}. {MEND}"
        ) from error
    rows = csv.reader(io.StringIO(text, newline=""))
    header = tuple(next(rows, ()))
    if header != COLUMNS:
        raise DataError(
            f"{path}, line 1: expected the header {','.join(COLUMNS)!r}, found "
            f"{','.join(header)!r}. {MEND}"
        )
    first = rows.line_num + 1
    for row in rows:
        _check(row, f"{path}, line {first}")
        fields = dict(zip(COLUMNS, row, strict=True))
        yield Review(
            fields["Title"],
            fields["Review Text"],
            int(fields["Rating"]),
            int(fields["Recommended IND"]),
            fields["Department Name"],
        )
        first = rows.line_num + 1


def _check(row: list[str], where: str) -> None:
    if len(row) != len(COLUMNS):
        raise DataError(
            f"{where}: expected {len(COLUMNS)} fields, found {len(row)}. {MEND}"
        )
    for name, allowed in ALLOWED.items():
        position = COLUMNS.index(name)
        if row[position] not in allowed:
            raise DataError(
                f"{where}, column {position + 1} ({name}): expected one of "
                f"{list(allowed)}, found {row[position]!r}. {MEND}"
            )
