"""Several towers as one stacked computation."""

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.experts import KERNEL_INIT, Experts
from mtlx.models.layer import Layer
from mtlx.types import Array, Float


class Critics(Layer):
    """y_c = W_c MLP_c(h) + b_c: what `Tower` computes, C times, before any squeeze.

    The last map is computed in float32, as there.

    Args:
        num_critics: number C of critics.
        outputs: outputs of each.
        widths: hidden layers of each.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Returns:
        float32 [B, C, outputs] of h [B, D].
    """

    num_critics: int
    outputs: int
    widths: tuple[int, ...] = (32,)

    @nn.compact
    def __call__(
        self, h: Float[Array, "batch inputs"], *, train: bool = False
    ) -> Float[Array, "batch critics outputs"]:
        if self.widths:
            hidden = Experts(
                num_experts=self.num_critics,
                widths=self.widths,
                name="mlps",
                **self.settings(),
            )
            h = hidden(h, train=train)
        shape = (self.num_critics, h.shape[-1], self.outputs)
        kernel = self.param("kernel", KERNEL_INIT, shape, jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, (shape[0], shape[2]))
        equation = "bi,cio->bco" if h.ndim == 2 else "bci,cio->bco"
        return jnp.einsum(equation, h.astype(jnp.float32), kernel) + bias[None]
