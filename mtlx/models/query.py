"""The attention weights of one task over the experts."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from mtlx.models.gate import Gate
from mtlx.types import Array, Float


class Query(Gate):
    """g(K)_he = softmax_e(q_h . K_eh / sqrt(d)): a gate that knows what experts say.

    The query q [H, d] is a parameter, the same for all rows: what differs from row to
    row are the keys, which are made from the experts' outputs.

    Args:
        num_experts: number E of experts.
        num_heads: number H of heads; d is units / H.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Returns:
        float32 [B, H, E] of keys K [B, E, units]; the last axis sums to 1.
    """

    num_heads: int = 1

    @nn.compact
    def __call__(
        self, keys: Float[Array, "batch experts units"], *, train: bool = False
    ) -> Float[Array, "batch heads experts"]:
        del train
        rows, count, units = keys.shape
        size = units // self.num_heads
        query = self.param("query", nn.initializers.normal(1.0), (self.num_heads, size))
        keys = keys.reshape(rows, count, self.num_heads, size).astype(jnp.float32)
        scores = jnp.einsum("hd,behd->bhe", query, keys)
        return jax.nn.softmax(scores / jnp.sqrt(size))
