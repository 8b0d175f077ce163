"""Numbers and classes of a raw table; a cell that does not fit is named."""

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from mtlx.data.errors import DataError
from mtlx.data.tabular.arrow_text import as_text, categorical, is_text, plain, without
from mtlx.data.tabular.raw_table import RawTable

MEND = "Mend the cell, or add it to data.missing if it stands for nothing."


def read_numbers(
    raw: RawTable, name: str, missing: Sequence[str] = ("",)
) -> np.ndarray:
    """[B] float64; a missing number is NaN.

    Raises:
        DataError: a cell is no number, or an infinite one.
    """
    import pyarrow
    import pyarrow.compute as pc

    def convert(column):
        return pc.cast(column, pyarrow.float64(), safe=False)

    column = plain(raw.table[name])
    if pyarrow.types.is_boolean(column.type):
        column = column.cast(pyarrow.int8())
    if is_text(column):
        column = without(column, missing)
    try:
        numbers = convert(column).to_numpy()
    except pyarrow.ArrowInvalid:
        row = _first_bad(column, convert)
        refuse_cell(raw, name, row, "a number, or nothing", column[row].as_py())
    tokens = [number for text in missing if (number := _number(text)) is not None]
    if tokens:  # -1 for nothing, say, where the file holds numbers
        numbers = np.where(np.isin(numbers, tokens), np.nan, numbers)
    infinite = np.isinf(numbers)
    if infinite.any():
        row = int(np.argmax(infinite))
        refuse_cell(raw, name, row, "a finite number", numbers[row])
    return numbers


def read_classes(
    raw: RawTable, name: str, classes: Sequence[str], missing: Sequence[str] = ("",)
) -> np.ndarray:
    """[B] float64: the place of each cell among `classes`; NaN where it is missing.

    Raises:
        DataError: a cell is none of them.
    """
    texts = categorical(as_text(plain(raw.table[name]), missing))
    places = {value: float(place) for place, value in enumerate(classes)} | {"": np.nan}
    for code, text in enumerate(texts.values.tolist()):
        if text not in places:
            row = int(np.argmax(texts.codes == code))
            refuse_cell(raw, name, row, f"one of {list(classes)}, or nothing", text)
    return np.array([places[text] for text in texts.values.tolist()])[texts.codes]


def refuse_rows(
    raw: RawTable, name: str, allowed: np.ndarray, expected: str, found: np.ndarray
) -> None:
    """Raises for the first row that is not allowed.

    Raises:
        DataError: with its file and line.
    """
    if not allowed.all():
        row = int(np.argmin(allowed))
        refuse_cell(raw, name, row, expected, found[row])


def refuse_cell(
    raw: RawTable, name: str, row: int, expected: str, found: Any, mend: str = MEND
) -> NoReturn:
    """Raises, with the file and line of a cell."""
    raise DataError(
        f"{raw.place(row)}, column {name!r}: expected {expected}, found {found!r}. "
        f"{mend}"
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _first_bad(column, convert: Callable) -> int:
    """The first row that `convert` refuses, by halving."""
    import pyarrow

    good, bad = 0, len(column)  # rows before `good` convert, some before `bad` does not
    while bad - good > 1:
        middle = (good + bad) // 2
        try:
            convert(column[good:middle])
            good = middle
        except pyarrow.ArrowInvalid:
            bad = middle
    return good
