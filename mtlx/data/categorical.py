"""A categorical column: its distinct values and one code a row."""

from typing import NamedTuple

import numpy as np

from mtlx.data.errors import DataError


class Categorical(NamedTuple):
    """`values[codes]` are the rows; far smaller than the strings themselves."""

    values: np.ndarray  # [K] str, sorted and distinct
    codes: np.ndarray  # [B] int32, 0 .. K - 1

    @classmethod
    def of(cls, column: np.ndarray) -> "Categorical":
        """From one value a row, of any type that has a text."""
        if column.dtype.kind == "U":
            return cls._of_texts(column)
        distinct, codes = np.unique(column, return_inverse=True)
        values, ranks = np.unique(distinct.astype(str), return_inverse=True)
        return cls(values, ranks.astype(np.int32)[codes])

    @classmethod
    def _of_texts(cls, column: np.ndarray) -> "Categorical":
        # Sorting the distinct values alone: texts are slow to compare, rows are many.
        numbers: dict[str, int] = {}
        places = [numbers.setdefault(v, len(numbers)) for v in column.tolist()]
        values = np.array(list(numbers), column.dtype)
        order = np.argsort(values)
        return cls(values[order], np.argsort(order).astype(np.int32)[places])

    def take(self, rows: np.ndarray) -> "Categorical":
        """The column at `rows`; `values` keeps entries that no longer occur."""
        return Categorical(self.values, self.codes[rows])

    def isin(self, values: tuple[str, ...]) -> np.ndarray:
        """[B] bool: which rows hold one of `values`."""
        return np.isin(self.values, values)[self.codes]

    def counts(self) -> dict[str, int]:
        """In how many rows each value is, of those that occur."""
        rows = np.bincount(self.codes, minlength=len(self.values)).tolist()
        pairs = zip(self.values.tolist(), rows, strict=True)
        return {value: count for value, count in pairs if count}


Column = np.ndarray | Categorical
Columns = dict[str, Column]


def as_categorical(column: Column) -> Categorical:
    """A column of ids, whether they are text or whole numbers.

    Raises:
        DataError: numbers with a fraction.
    """
    if isinstance(column, Categorical):
        return column
    if column.dtype.kind not in "iuUb":
        raise DataError(
            f"Expected a column of ids, text or whole numbers, found {column.dtype}; "
            f"convert it, or declare it as a number (mtlx.data.inputs)."
        )
    return Categorical.of(column)
