"""The gate of a mixture of experts, with weights for each domain."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from mtlx.models.domain_dense import DomainDense
from mtlx.models.gate import Gate
from mtlx.types import Array, Float, Int


class DomainGate(Gate, kw_only=True):
    """g_d(x) = softmax(W_d x), d the domain of the row: `Gate`, a linear one a domain.

    Args:
        num_experts: number E of weights.
        num_domains: number of domains d.
        widths: (), as it is linear.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Returns:
        float32 [B, E] of x [B, D] and domain ids [B]; rows sum to 1.
    """

    num_domains: int

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "batch inputs"],
        domains: Int[Array, "batch"],
        *,
        train: bool = False,
    ) -> Float[Array, "batch experts"]:
        dense = DomainDense(
            units=self.num_experts,
            num_domains=self.num_domains,
            use_bias=False,
            dtype=self.dtype,
            name="output",
        )
        return jax.nn.softmax(dense(x, domains).astype(jnp.float32))
