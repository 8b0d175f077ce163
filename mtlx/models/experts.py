"""A group of expert networks as one stacked computation."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype

from mtlx.models.layer import Layer
from mtlx.types import Array, Float

# The stack is a batch axis to the initialiser. Counted as an input it would make every
# expert sqrt(E) times too small; one draw for the stack keeps the experts independent.
KERNEL_INIT = nn.initializers.lecun_normal(batch_axis=(0,))

# Products written out expert by expert; more would make compilation slow.
MOST_UNROLLED = 16


class Experts(Layer):
    """E perceptrons of one input x = h_e^0: h_e^l = relu(W_e^l h_e^{l-1} + b_e^l).

    Each layer is one kernel [E, inputs, units], and on an accelerator one product. On a
    CPU, the layers after the first are written out as E products (up to 16 experts):
    1.6 times as fast, see docs/benchmarks/notes.md. Expert e computes what `MLP`
    computes with slice e of every parameter, and starts from the same distribution.

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
        if x.ndim == 2:
            # The first layer reads the one input: one wide product, no repeated rows.
            return jnp.einsum("bi,eio->beo", x, kernel) + bias[None]
        return _product(x, kernel) + bias[None]


def _product(
    x: Float[Array, "batch experts inputs"],
    kernel: Float[Array, "experts inputs units"],
) -> Float[Array, "batch experts units"]:
    """Each expert's rows by its own kernel."""
    if jax.default_backend() == "cpu" and len(kernel) <= MOST_UNROLLED:
        # XLA's batched product on a CPU transposes [B, E, I] element by element and is
        # slow in its weight gradient. Split, not indexed: the gradient of a slice is an
        # array of zeros around it, that of a split one concatenation.
        rows, kernels = jnp.unstack(x, axis=1), jnp.unstack(kernel)
        products = [row @ one for row, one in zip(rows, kernels, strict=True)]
        return jnp.stack(products, axis=1)
    return jnp.einsum("bei,eio->beo", x, kernel)
