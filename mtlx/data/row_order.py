"""The order of the rows of a split in one pass."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from mtlx.types import Array


def row_order(
    total: int, groups: np.ndarray | Array | None = None
) -> Callable[[Array], Array]:
    """A function key -> [N], a fresh permutation of the numbers of the rows.

    Args:
        total: N.
        groups: [N] whole numbers. The rows of a group then come one after another, in
            random order, and the groups in random order: a batch cuts two groups at
            most.

    >>> order = row_order(6, np.array([7, 5, 7, 5, 7, 5]))(jax.random.key(0))
    >>> sorted(order[:3].tolist()) in ([0, 2, 4], [1, 3, 5])
    True
    """
    if groups is None:
        return lambda key: jax.random.permutation(key, total)
    known, group = np.unique(np.asarray(groups), return_inverse=True)
    group = jnp.asarray(group, jnp.int32)

    def order(key):
        group_key, key = jax.random.split(key)
        rows = jax.random.permutation(key, total)
        place = jax.random.permutation(group_key, len(known))[group]
        return rows[jnp.argsort(place[rows], stable=True)]

    return order
