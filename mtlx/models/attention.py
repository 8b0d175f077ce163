"""Soft attention of one task over the layers of a shared trunk."""

from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.layer import Layer
from mtlx.models.mlp import MLP
from mtlx.types import Array, Float


class Attention(Layer):
    """a^l = sigmoid(W^l MLP^l([h^l; a^{l-1}]) + b^l) * h^l, from a^1 of h^1 alone.

    Args:
        widths: hidden layers of the network that makes each mask.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Returns:
        a^L [B, D_L] of the trunk's layers h^1 [B, D_1] .. h^L [B, D_L].
    """

    widths: tuple[int, ...] = (16,)

    @nn.compact
    def __call__(
        self, trunk: Sequence[Float[Array, "batch _"]], *, train: bool = False
    ) -> Float[Array, "batch units"]:
        attended = None
        for index, layer in enumerate(trunk):
            read = layer if index == 0 else jnp.concatenate([layer, attended], axis=-1)
            mlp = MLP(widths=self.widths, name=f"mlp_{index}", **self.settings())
            mask = nn.Dense(layer.shape[-1], dtype=self.dtype, name=f"mask_{index}")
            attended = nn.sigmoid(mask(mlp(read, train=train))) * layer
        return attended
