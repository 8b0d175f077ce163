"""Between the resolutions of a map."""

import jax
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
    return _largest(x.reshape(x.shape[0], rows, 2, columns, 2, -1))


@jax.custom_jvp
def _largest(x: Float[Array, "batch rows 2 columns 2 channels"]) -> Array:
    return x.max(axis=(2, 4))


@_largest.defjvp
def _largest_jvp(primals, tangents):
    """Places are compared with one another, where JAX compares them with the maximum.

    XLA may compute x anew beside a maximum that it kept, with other roundings; where no
    place then equals the maximum, JAX's gradient is 0 / 0.
    """
    (x,), (change,) = primals, tangents
    beside, below = x[:, :, :, :, ::-1], x[:, :, ::-1]
    wins = (x >= beside) & (x >= below) & (x >= below[:, :, :, :, ::-1])
    moved = jnp.where(wins, change, 0.0).sum(axis=(2, 4))
    return _largest(x), moved / wins.sum(axis=(2, 4), dtype=x.dtype)


def double(
    x: Float[Array, "batch height width channels"],
) -> Float[Array, "batch rows columns channels"]:
    """Every place four times."""
    return jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)
