"""A column that holds a list of values in a row."""

from typing import NamedTuple

import numpy as np

from mtlx.data.categorical import Categorical
from mtlx.data.ragged import gather_ragged

PADDING = -1


class Lists(NamedTuple):
    """Row i is `values` from `ends[i - 1]` to `ends[i]`; a row may be empty."""

    values: Categorical  # of all rows, end to end
    ends: np.ndarray  # [B] int64

    @classmethod
    def of_texts(cls, column: Categorical, separator: str) -> "Lists":
        """From one text a row; blanks around a value, and empty values, are dropped."""
        parts = [
            [value.strip() for value in text.split(separator) if value.strip()]
            for text in column.values.tolist()
        ]
        flat = np.array([value for part in parts for value in part], str)
        ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
        return cls(Categorical.of(flat), ends).take(column.codes)

    @property
    def lengths(self) -> np.ndarray:
        """[B] how many values each row has."""
        return np.diff(self.ends, prepend=0)

    def take(self, rows: np.ndarray) -> "Lists":
        """The column at `rows`."""
        at, ends = gather_ragged(self.ends, rows)
        return Lists(self.values.take(at), ends)

    def distinct(self) -> "Lists":
        """Each value once a row, where it is first."""
        row = np.repeat(np.arange(len(self.ends)), self.lengths)
        key = row * max(len(self.values.values), 1) + self.values.codes
        first = np.sort(np.unique(key, return_index=True)[1])
        lengths = np.bincount(row[first], minlength=len(self.ends))
        return Lists(self.values.take(first), np.cumsum(lengths))

    def counts(self) -> dict[str, int]:
        """In how many rows each value is, of those that occur."""
        return self.distinct().values.counts()

    def padded(self, ids: np.ndarray, length: int, keep: str = "first") -> np.ndarray:
        """[B, length] int32: the first or last ids of each row, then -1.

        Args:
            ids: [N] of all values, end to end.
            length: most ids of a row.
            keep: "first" or "last".
        """
        lengths = self.lengths
        kept = np.minimum(lengths, length)
        starts = self.ends - (kept if keep == "last" else lengths)
        at = starts[:, None] + np.arange(length)[None]
        there = np.arange(length)[None] < kept[:, None]
        padded = np.append(ids, PADDING)  # what an empty place points at
        return padded[np.where(there, at, len(ids))].astype(np.int32)
