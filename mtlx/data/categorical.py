"""A categorical column: its distinct values and one code a row."""

from typing import NamedTuple

import numpy as np


class Categorical(NamedTuple):
    """`values[codes]` are the rows; far smaller than the strings themselves."""

    values: np.ndarray  # [K] str, sorted and distinct
    codes: np.ndarray  # [B] int32, 0 .. K - 1

    @classmethod
    def of(cls, column: np.ndarray) -> "Categorical":
        """From one value a row, of any type that has a text."""
        distinct, codes = np.unique(column, return_inverse=True)
        values, ranks = np.unique(distinct.astype(str), return_inverse=True)
        return cls(values, ranks.astype(np.int32)[codes])

    def take(self, rows: np.ndarray) -> "Categorical":
        """The column at `rows`; `values` keeps entries that no longer occur."""
        return Categorical(self.values, self.codes[rows])

    def isin(self, values: tuple[str, ...]) -> np.ndarray:
        """[B] bool: which rows hold one of `values`."""
        return np.isin(self.values, values)[self.codes]


Column = np.ndarray | Categorical
Columns = dict[str, Column]
