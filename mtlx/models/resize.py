"""Between the resolutions of a map."""

import jax.numpy as jnp

from mtlx.types import Array, Float


def halve(
    x: Float[Array, "batch height width channels"],
) -> Float[Array, "batch rows columns channels"]:
    """The maximum of every 2 x 2 places; an odd last row or column is left out.

    A maximum over axes, whose gradient is a comparison: that of `flax.linen.max_pool`
    looks for the place of each maximum again, window by window, and takes longer than
    the convolution before it on a CPU. Places that share a maximum share its gradient.
    """
    rows, columns = x.shape[1] // 2, x.shape[2] // 2
    x = x[:, : 2 * rows, : 2 * columns]
    return x.reshape(x.shape[0], rows, 2, columns, 2, -1).max(axis=(2, 4))


def double(
    x: Float[Array, "batch height width channels"],
) -> Float[Array, "batch rows columns channels"]:
    """Every place four times."""
    return jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)
