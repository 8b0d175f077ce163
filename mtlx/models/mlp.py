"""Multi-layer perceptron."""

import flax.linen as nn

from mtlx.models.layer import Layer
from mtlx.types import Array, Float


class MLP(Layer):
    """h_l = dropout(activation(norm(W_l h_{l-1} + b_l))) for each of `widths`.

    The last layer is activated like the others; () is the identity.

    Args:
        widths: units of each layer.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Returns:
        [B, widths[-1]] of x [B, D].
    """

    widths: tuple[int, ...]

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch inputs"], *, train: bool = False
    ) -> Float[Array, "batch units"]:
        for index, width in enumerate(self.widths):
            x = nn.Dense(width, dtype=self.dtype, name=f"dense_{index}")(x)
            x = self.nonlinearity(x, index, train=train)
        return x
