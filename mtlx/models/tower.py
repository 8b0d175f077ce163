"""The head of one task."""

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.layer import Layer
from mtlx.models.mlp import MLP
from mtlx.types import Array, Float


class Tower(Layer):
    """y = W MLP(h) + b, h_k in the papers: logits or a value, with no activation on y.

    The last map is computed in float32 whatever `dtype` says: rounded to bfloat16,
    logits that differ would tie, and ranking metrics count ties.

    Args:
        outputs: 1 for a binary or regression task, the number of classes otherwise.
        widths: hidden layers.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Returns:
        float32 [B] if outputs is 1, else [B, outputs], of x [B, D].
    """

    outputs: int
    widths: tuple[int, ...] = (32,)

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch inputs"], *, train: bool = False
    ) -> Float[Array, " batch"] | Float[Array, "batch outputs"]:
        x = MLP(widths=self.widths, name="mlp", **self.settings())(x, train=train)
        y = nn.Dense(self.outputs, dtype=jnp.float32, name="output")(x)
        return jnp.squeeze(y, axis=-1) if self.outputs == 1 else y
