"""Adaptive information transfer from one task to the next: the brick of AITM."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp

from mtlx.models.layer import Layer
from mtlx.models.mlp import MLP
from mtlx.types import Array, Float


class Transfer(Layer):
    """z = sum_{u in {p, q}} w_u h_1(u), w_u = softmax_u(<h_2(u), h_3(u)> / sqrt(D)).

    p = g(z_before) is what the task before has to say, q what the task itself has: a
    self-attention over these two, with maps h_1, h_2, h_3 and g of this pair alone.

    Args:
        activation, norm, dropout_rate, dtype: see `Layer`; they hold for g.

    Returns:
        z [B, D] of z_before [B, D] and q [B, D].

    Reference:
        Xi et al., "Modeling the Sequential Dependence among Audience Multi-step
        Conversions with Multi-task Learning in Targeted Display Advertising", KDD 2021.
        Some re-implementations share the maps among all pairs; here none is shared.
    """

    @nn.compact
    def __call__(
        self,
        before: Float[Array, "batch units"],
        own: Float[Array, "batch units"],
        *,
        train: bool = False,
    ) -> Float[Array, "batch units"]:
        width = own.shape[-1]
        info = MLP(widths=(width,), name="info", **self.settings())
        both = jnp.stack([info(before, train=train), own], axis=1)

        def project(name):
            return nn.Dense(width, dtype=self.dtype, name=name)(both)

        scores = jnp.sum(project("query") * project("key"), axis=-1)
        weights = jax.nn.softmax(scores.astype(jnp.float32) / math.sqrt(width))
        values = project("value")
        return jnp.einsum("bu,bud->bd", weights.astype(values.dtype), values)
