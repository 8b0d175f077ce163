"""A numeric column as a number."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from mtlx.data.categorical import Column
from mtlx.data.errors import DataError
from mtlx.data.inputs.fitted import Encoded, Fitted
from mtlx.data.scaler import Scaler
from mtlx.data.vocabulary import Vocabulary


@dataclasses.dataclass(frozen=True)
class Standardised:
    """(f(x) - mean) / std over the training rows, f being log1p or the identity.

    Args:
        log: whether f is log1p: for amounts with a heavy tail, none below 0.

    Raises:
        DataError: when it is fitted or applied, a number is missing or infinite, or
            below 0 where its logarithm is taken.
    """

    log: bool = False

    def fit(self, name: str, column: Column, vocabulary: Vocabulary | None) -> Fitted:
        """See `Input`."""
        del vocabulary
        scaler = Scaler.fit(self._table(name, column), np.array([self.log]))
        facts = {"mean": float(scaler.mean[0]), "std": float(scaler.std[0])}
        return self.restore(name, facts, None)

    def restore(
        self, name: str, facts: Mapping[str, Any], vocabulary: Vocabulary | None
    ) -> Fitted:
        """See `Restored`."""
        del vocabulary
        mean, std = np.array([facts["mean"]]), np.array([facts["std"]])
        scaler = Scaler(np.array([self.log]), mean, std)

        def encode(column):
            return Encoded(
                numbers={name: scaler.scale(self._table(name, column))[:, 0]}
            )

        return Fitted(encode, numbers=(name,), facts=facts, kind="number")

    def _table(self, name: str, column: Column) -> np.ndarray:
        rows = np.asarray(column)
        allowed = np.isfinite(rows) & ((rows >= 0) | (not self.log))
        if not allowed.all():
            row = int(np.argmin(allowed))
            raise DataError(
                f"Column {name!r}, row {row}: expected a number"
                f"{' of 0 or more' if self.log else ''}, found {rows[row]}. Mend the "
                f"column, or declare it as mtlx.data.inputs.Quantiles, where a missing "
                f"number has an id of its own."
            )
        return rows[:, None]
