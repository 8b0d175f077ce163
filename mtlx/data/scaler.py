"""Standardising numeric columns."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Scaler:
    """(f(x) - mean) / std column by column, f being log1p or the identity.

    A column that is constant in the fitted rows has standard deviation 0; it is centred
    and left unscaled.

    Args:
        log: [N] bool, the columns that log1p is taken of first: heavy-tailed amounts,
            which must not be below 0.
        mean: [N] float64, means of f over the fitted rows.
        std: [N] float64, standard deviations of f over the fitted rows.
    """

    log: np.ndarray
    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def fit(cls, rows: np.ndarray, log: np.ndarray) -> "Scaler":
        """Statistics of `rows` [B, N]. Fit on the training split only."""
        transformed = _transform(rows, log)
        return cls(log, transformed.mean(axis=0), transformed.std(axis=0))

    def scale(self, rows: np.ndarray) -> np.ndarray:
        """[B, N] float32: `rows` standardised."""
        std = np.where(self.std > 0.0, self.std, 1.0)
        return ((_transform(rows, self.log) - self.mean) / std).astype(np.float32)


def _transform(rows: np.ndarray, log: np.ndarray) -> np.ndarray:
    rows = rows.astype(np.float64)
    # np.where would take the logarithm of the other columns too, and warn below -1.
    rows[:, log] = np.log1p(rows[:, log])
    return rows
