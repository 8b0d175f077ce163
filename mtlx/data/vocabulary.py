"""Ids for the values of a categorical column."""

import dataclasses
import functools
from collections.abc import Mapping

import numpy as np

from mtlx.data.categorical import Categorical

UNKNOWN = 0  # the id of every value that the fitted rows do not hold


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """Maps the values it knows to 1, 2, ... and every other value to `UNKNOWN`.

    Args:
        values: the known values, in the order of their ids.
    """

    values: tuple[str, ...]

    @classmethod
    def fit(cls, column: Categorical) -> "Vocabulary":
        """The values that occur in `column`, sorted. Fit on the training split only."""
        return cls(tuple(column.values[np.unique(column.codes)].tolist()))

    @classmethod
    def of(cls, counts: Mapping[str, int], min_count: int = 1) -> "Vocabulary":
        """The values that occur `min_count` times or more, sorted.

        Args:
            counts: value -> number of training rows that hold it.
            min_count: rarer values become unknown: their vector would hardly be
                trained.
        """
        kept = (value for value, count in counts.items() if count >= max(min_count, 1))
        return cls(tuple(sorted(kept)))

    @property
    def size(self) -> int:
        """Number of ids, `UNKNOWN` included: what an embedding table needs."""
        return len(self.values) + 1

    @functools.cached_property
    def _numbers(self) -> dict[str, int]:
        return {value: i for i, value in enumerate(self.values, start=UNKNOWN + 1)}

    def id(self, value: str) -> int:
        """The id of one value."""
        return self._numbers.get(value, UNKNOWN)

    def ids(self, column: Categorical) -> np.ndarray:
        """[B] int32: the id of each row's value."""
        table = [self.id(value) for value in column.values.tolist()]
        return np.array(table, np.int32)[column.codes]
