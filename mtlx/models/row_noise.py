"""Noise that differs from row to row."""

import flax.linen as nn
import jax

from mtlx.types import Array


class RowNoise(nn.Module):
    """N(0, 1) for every entry of x [B, ...], from the key "dropout".

    A module, so that a step on many devices finds it and gives each the rows that are
    its own of one draw for all.
    """

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return jax.random.normal(self.make_rng("dropout"), x.shape, x.dtype)
