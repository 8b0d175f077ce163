"""One of the k divisions of a cross-validation."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from mtlx.data.categorical import as_categorical
from mtlx.data.tabular.shares import TEST, VALIDATION


@dataclasses.dataclass(frozen=True)
class Folds:
    """k folds of one size; number `fold` tests, the next one validates, others train.

    A sweep over `data.split.fold=range(0,k)` is the cross-validation: every row is
    tested on once. Folds differ by a row at most (by a user, with `by`), and with
    `stratify` in each class by a row.

    Args:
        k: number of folds, 3 or more.
        fold: 0 .. k - 1.
        by: a column of ids whose rows stay together, the user say.
        stratify: a column of few values that each fold has alike; not with `by`.
        seed: of NumPy's default generator; the same for all folds of one
            cross-validation.

    Raises:
        ValueError: fewer than three folds, a fold that there is not, `by` with
            `stratify`.
    """

    k: int = 5
    fold: int = 0
    by: str | None = None
    stratify: str | None = None
    seed: int = 0

    def __post_init__(self):
        if self.k < 3 or not 0 <= self.fold < self.k:
            raise ValueError(
                f"Folds: expected k >= 3 and fold from 0 to k - 1, found k={self.k} "
                f"and fold={self.fold}."
            )
        if self.by is not None and self.stratify is not None:
            raise ValueError(
                f"Folds: expected by or stratify, found {self.by!r} and "
                f"{self.stratify!r}."
            )

    @property
    def reads(self) -> Mapping[str, str]:
        """See `Split`."""
        return {name: "id" for name in (self.by, self.stratify) if name is not None}

    def parts(self, columns: Mapping[str, Any], rows: int) -> np.ndarray:
        """See `Split`."""
        fold = self.folds(columns, rows)
        parts = np.zeros(rows, np.int8)
        parts[fold == (self.fold + 1) % self.k] = VALIDATION
        parts[fold == self.fold] = TEST
        return parts

    def folds(self, columns: Mapping[str, Any], rows: int) -> np.ndarray:
        """[B] the fold that each row is in."""
        rng = np.random.default_rng(self.seed)
        if self.by is not None:
            users = as_categorical(columns[self.by])
            return self._dealt(rng.permutation(len(users.values)))[users.codes]
        order = rng.permutation(rows)
        if self.stratify is not None:
            classes = as_categorical(columns[self.stratify]).codes
            order = order[np.argsort(classes[order], kind="stable")]
        return self._dealt(order)

    def _dealt(self, order: np.ndarray) -> np.ndarray:
        """In turns, as cards are: consecutive ones go to different folds."""
        fold = np.empty(len(order), np.int64)
        fold[order] = np.arange(len(order)) % self.k
        return fold
