"""The head of one task with a label a pixel."""

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.convolution import Convolution
from mtlx.models.layer import Layer
from mtlx.types import Array, Float


class DenseHead(Layer):
    """y = W conv(h) + b at every pixel: logits or values, with no activation on y.

    Args:
        outputs: 1 for depth, 3 for normals, the number of classes for segmentation.
        widths: channels of the 3 x 3 convolutions before the last, 1 x 1.
        activation, norm, dropout_rate, dtype: see `Layer`; y is computed in float32.

    Returns:
        float32 [B, H, W] if outputs is 1, else [B, H, W, outputs], of h [B, H, W, C].
    """

    outputs: int
    widths: tuple[int, ...] = (16,)

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch height width channels"], *, train: bool = False
    ) -> Float[Array, "batch height width ..."]:
        for index, width in enumerate(self.widths):
            conv = Convolution(width, name=f"conv_{index}", **self.settings())
            x = conv(x, train=train)
        y = nn.Dense(self.outputs, dtype=jnp.float32, name="output")(x)
        return jnp.squeeze(y, axis=-1) if self.outputs == 1 else y
