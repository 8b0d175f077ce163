"""Ids for the values of a categorical column."""

import dataclasses

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

    @property
    def size(self) -> int:
        """Number of ids, `UNKNOWN` included: what an embedding table needs."""
        return len(self.values) + 1

    def ids(self, column: Categorical) -> np.ndarray:
        """[B] int32: the id of each row's value."""
        known = {value: i for i, value in enumerate(self.values, start=UNKNOWN + 1)}
        table = [known.get(value, UNKNOWN) for value in column.values.tolist()]
        return np.array(table, np.int32)[column.codes]
