"""How a stitch unit starts: every task mostly keeps its own."""

from collections.abc import Callable

import jax.numpy as jnp

from mtlx.types import Array


def stitch_init(keep: float, first: int = 0) -> Callable[..., Array]:
    """An initialiser of rows `first`, `first + 1`, .. of an n x n unit.

    `keep` on the diagonal, (1 - keep) / (n - 1) elsewhere; 1 if n is 1. The shape is
    [n] for the one row, or [rows, n].
    """

    def init(key, shape, dtype=jnp.float32):
        del key
        size = shape[-1]
        rows = first + jnp.arange(shape[0] if len(shape) == 2 else 1)
        diagonal = rows[:, None] == jnp.arange(size)[None]
        rest = (1.0 - keep) / max(size - 1, 1)
        values = jnp.where(diagonal, keep if size > 1 else 1.0, rest)
        return values.reshape(shape).astype(dtype)

    return init
