"""A group of expert networks as one stacked computation."""

import flax.linen as nn
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype

from mtlx.models.layer import Layer
from mtlx.types import Array, Float

# The stack is a batch axis to the initialiser. Counted as an input it would make every
# expert sqrt(E) times too small; one draw for the stack keeps the experts independent.
KERNEL_INIT = nn.initializers.lecun_normal(batch_axis=(0,))


class Experts(Layer):
    """E perceptrons of one input x = h_e^0: h_e^l = relu(W_e^l h_e^{l-1} + b_e^l).

    Each layer is one kernel [E, inputs, units] and one einsum, so that the time to
    compile does not grow with E. Expert e computes what `MLP` computes with slice e of
    every parameter, and starts from the same distribution.

    Args:
        num_experts: number E of experts.
        widths: units of each layer, the same for all experts; at least one layer.
        activation, norm, dropout_rate, dtype: see `Layer`. Each expert has its own
            scale, bias and batch statistics.

    Returns:
        [B, E, widths[-1]] of x [B, D], or of x [B, E, D], where each expert reads an
        input of its own.

    Raises:
        ValueError: no expert or no layer.
    """

    num_experts: int
    widths: tuple[int, ...] = (64,)

    def __post_init__(self):
        if self.num_experts < 1 or not self.widths:
            raise ValueError(
                f"Experts: expected at least one expert and one layer, found "
                f"num_experts={self.num_experts} and widths={self.widths}."
            )
        super().__post_init__()

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "batch inputs"] | Float[Array, "batch experts inputs"],
        *,
        train: bool = False,
    ) -> Float[Array, "batch experts units"]:
        for index, width in enumerate(self.widths):
            x = self._affine(x, index, width)
            x = self.nonlinearity(x, index, train=train, axes=(-2, -1))
        return x

    @nn.nowrap
    def _affine(self, x: Array, index: int, width: int) -> Array:
        shape = (self.num_experts, x.shape[-1], width)
        kernel = self.param(f"kernel_{index}", KERNEL_INIT, shape, jnp.float32)
        bias = self.param(
            f"bias_{index}", nn.initializers.zeros, (self.num_experts, width)
        )
        x, kernel, bias = promote_dtype(x, kernel, bias, dtype=self.dtype)
        # The one input is read without repeating it E times.
        equation = "bi,eio->beo" if x.ndim == 2 else "bei,eio->beo"
        return jnp.einsum(equation, x, kernel) + bias[None]
