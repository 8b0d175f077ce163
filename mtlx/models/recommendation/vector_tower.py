"""From what an encoder says of one side to its vector."""

import flax.linen as nn

from mtlx.models.layer import Layer
from mtlx.models.mlp import MLP
from mtlx.types import Array, Float


class VectorTower(Layer):
    """v = W MLP(x) + b, the last of `widths` linear; x itself without any.

    Args:
        widths: layers; the last is the vector's width.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Returns:
        [B, widths[-1]] of x [B, D].
    """

    widths: tuple[int, ...] = ()

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch inputs"], *, train: bool = False
    ) -> Float[Array, "batch units"]:
        if not self.widths:
            return x
        *hidden, last = self.widths
        x = MLP(widths=tuple(hidden), name="mlp", **self.settings())(x, train=train)
        return nn.Dense(last, dtype=self.dtype, name="output")(x)
