"""A numeric column as ids of its quantiles."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from mtlx.data.categorical import Column
from mtlx.data.inputs.fitted import Encoded, Fitted
from mtlx.data.vocabulary import UNKNOWN, Vocabulary


@dataclasses.dataclass(frozen=True)
class Quantiles:
    """1 + #{k : q_k <= x}, q_k the k/bins quantiles of the training rows.

    Quantiles that are equal count once, so a value that many rows hold makes fewer,
    larger bins. A missing number, NaN, is id 0.

    Args:
        bins: number of bins, of equally many training rows where values differ.

    Raises:
        ValueError: fewer than two bins.
    """

    bins: int = 10

    def __post_init__(self):
        if self.bins < 2:
            raise ValueError(f"Quantiles: expected bins >= 2, found {self.bins}.")

    def fit(self, name: str, column: Column, vocabulary: Vocabulary | None) -> Fitted:
        """See `Input`."""
        del vocabulary
        rows = np.asarray(column, np.float64)
        shares = np.arange(1, self.bins) / self.bins
        edges = np.unique(np.quantile(rows[~np.isnan(rows)], shares))
        # An edge at the smallest value would leave the bin below it without a row.
        edges = edges[edges > np.nanmin(rows)]
        return self.restore(name, {"edges": edges.tolist()}, None)

    def restore(
        self, name: str, facts: Mapping[str, Any], vocabulary: Vocabulary | None
    ) -> Fitted:
        """See `Restored`."""
        del vocabulary
        edges = np.array(facts["edges"], np.float64)

        def encode(column):
            rows = np.asarray(column, np.float64)
            ids = 1 + np.searchsorted(edges, rows, side="right")
            return Encoded(
                ids={name: np.where(np.isnan(rows), UNKNOWN, ids).astype(np.int32)}
            )

        return Fitted(encode, {name: len(edges) + 2}, facts=facts, kind="number?")
