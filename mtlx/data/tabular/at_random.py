"""Rows divided at random."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from mtlx.data.categorical import as_categorical
from mtlx.data.tabular.shares import check_shares, cut_order


@dataclasses.dataclass(frozen=True)
class AtRandom:
    """A seeded permutation, cut; of each class, where the rows are stratified.

    Rows of one user are then in several splits, and later rows of a log train for
    earlier ones: for a log `ByTime` or `ByUser` is the honest choice.

    Args:
        validation, test: shares of the rows.
        stratify: a column of few values, a label say; each split then has each value
            in the same share, to a row.
        seed: of NumPy's default generator.

    Raises:
        ValueError: shares that leave no training rows.
    """

    validation: float | int = 0.1
    test: float | int = 0.1
    stratify: str | None = None
    seed: int = 0

    def __post_init__(self):
        check_shares("AtRandom", self.validation, self.test)

    @property
    def reads(self) -> Mapping[str, str]:
        """See `Split`."""
        return {} if self.stratify is None else {self.stratify: "id"}

    def parts(self, columns: Mapping[str, Any], rows: int) -> np.ndarray:
        """See `Split`."""
        order = np.random.default_rng(self.seed).permutation(rows)
        if self.stratify is None:
            return cut_order(order, self.validation, self.test)
        classes = as_categorical(columns[self.stratify]).codes
        parts = np.zeros(rows, np.int8)
        for each in np.unique(classes):
            own = order[classes[order] == each]
            kept = cut_order(np.arange(len(own)), self.validation, self.test)
            parts[own] = kept
        return parts
