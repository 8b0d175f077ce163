"""Between the resolutions of a trunk."""

import flax.linen as nn
import jax.numpy as jnp

from mtlx.types import Array, Float


def halve(
    x: Float[Array, "batch height width channels"],
) -> Float[Array, "batch rows columns channels"]:
    """The maximum of every 2 x 2 places."""
    return nn.max_pool(x, (2, 2), (2, 2))


def double(
    x: Float[Array, "batch height width channels"],
) -> Float[Array, "batch rows columns channels"]:
    """Every place four times."""
    return jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)
