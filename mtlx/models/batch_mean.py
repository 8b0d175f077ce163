"""A mean over the rows of a batch, on however many devices they lie."""

import flax.linen as nn
import jax.numpy as jnp

from mtlx.types import Array


class BatchMean(nn.Module):
    """mean_b x_b. Has no parameters.

    A module, so that a step on many devices finds it and takes the mean over all their
    rows, as it does for batch statistics: what is not linear in a mean, like the
    variation of the loads of experts, is else another number on every device.

    Returns:
        [...] of x [B, ...].
    """

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return jnp.mean(x, axis=0)
