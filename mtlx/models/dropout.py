"""Dropout whose rate may be an argument of the program."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from mtlx.types import Array


class Dropout(nn.Dropout):
    """linen's dropout, where a traced rate is allowed too.

    linen decides in Python whether the rate is 0 or 1, and so needs a number. For the
    same rate and key both draw the same mask.

    Args:
        rate: share of the entries set to zero, in [0, 1).
        deterministic: keep all.
    """

    rate: float | Array

    @nn.compact
    def __call__(self, x: Array) -> Array:
        if isinstance(self.rate, int | float):
            return super().__call__(x)
        if self.deterministic:
            return x
        keep = 1.0 - self.rate
        kept = jax.random.bernoulli(self.make_rng("dropout"), keep, x.shape)
        return jnp.where(kept, x / keep.astype(x.dtype), jnp.zeros_like(x))
