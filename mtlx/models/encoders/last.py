"""The last position of each row that is not padding."""

import jax.numpy as jnp

from mtlx.types import Array, Bool, Float


def last_valid(
    states: Float[Array, "batch length width"], mask: Bool[Array, "batch length"]
) -> Float[Array, "batch width"]:
    """states[b, n_b - 1], n_b counting the positions of row b that are no padding.

    Args:
        states: what a model says at each position, finite at the first one.
        mask: True where there is no padding, which is at the end.

    Returns:
        Zeros for a row of padding alone, which passes no gradient on.
    """
    count = jnp.sum(mask, axis=1, dtype=jnp.int32)
    last = jnp.maximum(count - 1, 0)[:, None, None]
    states = jnp.take_along_axis(states, last, axis=1)[:, 0]
    return jnp.where(count[:, None] > 0, states, jnp.zeros_like(states))
