"""Soft attention of one task over the maps of a trunk."""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.convolution import Convolution
from mtlx.models.dense.maps import Maps
from mtlx.models.layer import Layer
from mtlx.models.resize import double, halve
from mtlx.types import Array, Float


class DenseAttention(Layer):
    """a^j = sigmoid(h^j(g^j([u^j; f^j(a^{j-1})]))) * p^j over the blocks j of a trunk.

    g^j and h^j are 1 x 1 convolutions with a norm, g^j activated; f^j is handed in. On
    the way down f^j(a^{j-1}) is halved, on the way up a^{j-1} is doubled before f^j.

    Args:
        width: channels of g^j; None: those of p^j.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Returns:
        a^J [B, H, W, C] of `Maps` with J blocks.
    """

    width: int | None = None

    @nn.compact
    def __call__(
        self, maps: Maps, carry: Callable[[int, Array], Array], *, train: bool = False
    ) -> Float[Array, "batch height width channels"]:
        attended = None
        for index, block in enumerate((*maps.down, *maps.up)):
            read = block.early
            if attended is not None:
                if index < len(maps.down):
                    attended = halve(carry(index, attended))
                else:
                    half = halve(attended) if index == len(maps.down) else attended
                    attended = carry(index, double(half))
                read = jnp.concatenate([read, attended], axis=-1)
            attended = self._mask(index, read, block.late, train) * block.late
        return attended

    @nn.nowrap
    def _mask(self, index: int, read: Array, late: Array, train: bool) -> Array:
        channels = late.shape[-1]
        inner = Convolution(
            self.width or channels, 1, name=f"inner_{index}", **self.settings()
        )
        outer = Convolution(
            channels,
            1,
            activation=nn.sigmoid,
            norm=self.norm,
            dtype=self.dtype,
            name=f"mask_{index}",
        )
        return outer(inner(read, train=train), train=train)
