"""Several gates as one stacked computation."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from mtlx.models.experts import KERNEL_INIT, Experts
from mtlx.models.gate import Gate
from mtlx.types import Array, Float


class Gates(Gate):
    """G gates, g_i(x) = softmax(W_i MLP_i(x)), that no task has for its own.

    Gate i computes what `Gate` computes with slice i of every parameter.

    Args:
        num_gates: number G of gates.
        num_experts, widths: see `Gate`; the same for all gates.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Returns:
        float32 [B, G, E] of x [B, D], or of x [B, G, D], where each gate reads an input
        of its own; the last axis sums to 1.
    """

    num_gates: int = 1

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "batch inputs"] | Float[Array, "batch gates inputs"],
        *,
        train: bool = False,
    ) -> Float[Array, "batch gates experts"]:
        if self.widths:
            hidden = Experts(
                num_experts=self.num_gates,
                widths=self.widths,
                name="mlp",
                **self.settings(),
            )
            x = hidden(x, train=train)
        shape = (self.num_gates, x.shape[-1], self.num_experts)
        kernel = self.param("kernel", KERNEL_INIT, shape, jnp.float32)
        x, kernel = nn.dtypes.promote_dtype(x, kernel, dtype=self.dtype)
        equation = "bi,gie->bge" if x.ndim == 2 else "bgi,gie->bge"
        return jax.nn.softmax(jnp.einsum(equation, x, kernel).astype(jnp.float32))
