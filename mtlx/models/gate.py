"""The gate of a mixture of experts, and the mixture."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from mtlx.models.layer import Layer
from mtlx.models.mlp import MLP
from mtlx.types import Array, Float


class Gate(Layer):
    """g(x) = softmax(W MLP(x)), one weight an expert; linear with no hidden widths.

    W has no bias, as in the paper. The softmax is computed in float32. What the gates
    of a model do on a batch can be read with
    `model.apply(variables, features, capture_intermediates=lambda m, _: isinstance(m,
    Gate))`.

    Args:
        num_experts: number E of weights.
        widths: hidden layers; () is the linear gate of the paper.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Returns:
        float32 [B, E] of x [B, D]; rows sum to 1.

    Reference:
        Ma et al., "Modeling Task Relationships in Multi-task Learning with Multi-gate
        Mixture-of-Experts", KDD 2018, equation 8 (linear). Hidden layers: as in FuxiCTR
        and STEM.
    """

    num_experts: int
    widths: tuple[int, ...] = ()

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch inputs"], *, train: bool = False
    ) -> Float[Array, "batch experts"]:
        x = MLP(widths=self.widths, name="mlp", **self.settings())(x, train=train)
        dense = nn.Dense(
            self.num_experts, use_bias=False, dtype=self.dtype, name="output"
        )
        return jax.nn.softmax(dense(x).astype(jnp.float32))


def mix(
    weights: Float[Array, "batch *gates experts"],
    experts: Float[Array, "batch experts units"],
) -> Float[Array, "batch *gates units"]:
    """sum_e weights_e experts_e for each gate, in the dtype of the experts."""
    return jnp.einsum("b...e,bed->b...d", weights.astype(experts.dtype), experts)
