"""Dividing the rows of a split at random."""

import jax
import numpy as np

from mtlx.types import Batch


def halves(batch: Batch, seed: int) -> tuple[Batch, Batch]:
    """Two halves of `batch`, drawn at random; an odd row goes to the second.

    Args:
        batch: all rows.
        seed: of NumPy's default generator. Rows keep their order within a half.
    """
    rows = len(next(iter(batch.labels.values())))
    order = np.random.default_rng(seed).permutation(rows)
    first, second = np.sort(order[: rows // 2]), np.sort(order[rows // 2 :])
    return (
        jax.tree.map(lambda column: column[first], batch),
        jax.tree.map(lambda column: column[second], batch),
    )
