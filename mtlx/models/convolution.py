"""A convolution and what follows it."""

import math
from collections.abc import Callable
from typing import Any, Literal

import flax.linen as nn

from mtlx.models.conv import Conv
from mtlx.models.dropout import Dropout
from mtlx.models.layer import BATCH_NORM_MOMENTUM
from mtlx.types import Array, Float

NORMS = ("none", "layer", "batch", "group")
GROUP = (
    8  # channels that a group norm takes together, or fewer where they do not divide
)


class Convolution(nn.Module):
    """dropout(activation(norm(K * x + b))), * over the places of a map.

    Place i of the result is centred on place stride * i, with zeros outside the map.
    The bias is left out where the norm brings one of its own.

    Args:
        width: channels C' of the result.
        kernel: side of K, odd.
        stride: distance between the places of the result.
        activation: elementwise function.
        norm: "none", "batch" (over rows and places, with running statistics in the
            collection "batch_stats"), "group" (over the places and 8 channels of a row)
            or "layer" (over the places and channels of a row).
        dropout_rate: share of the activations set to zero while training, in [0, 1).
        dtype: of the computation; parameters stay float32.

    Returns:
        [B, ceil(H / stride), ceil(W / stride), C'] of x [B, H, W, C].

    Raises:
        ValueError: an unknown norm, or an even kernel.
    """

    width: int
    kernel: int = 3
    stride: int = 1
    activation: Callable[..., Array] = nn.relu
    norm: Literal["none", "layer", "batch", "group"] = "none"
    dropout_rate: float | Array = 0.0
    dtype: Any = None

    def __post_init__(self):
        if self.norm not in NORMS:
            raise ValueError(
                f"Convolution: expected norm to be one of {NORMS}, found {self.norm!r}."
            )
        if self.kernel % 2 == 0:
            raise ValueError(
                f"Convolution: expected an odd kernel, which has a centre, found "
                f"{self.kernel}."
            )
        super().__post_init__()

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch height width channels"], *, train: bool = False
    ) -> Float[Array, "batch rows columns units"]:
        x = Conv(
            self.width,
            self.kernel,
            self.stride,
            self.kernel // 2,
            use_bias=self.norm == "none",
            dtype=self.dtype,
            name="conv",
        )(x)
        x = self._normed(x, train)
        return Dropout(self.dropout_rate, deterministic=not train)(self.activation(x))

    @nn.nowrap
    def _normed(self, x: Array, train: bool) -> Array:
        if self.norm == "none":
            return x
        if self.norm == "batch":
            return nn.BatchNorm(
                use_running_average=not train,
                momentum=BATCH_NORM_MOMENTUM,
                dtype=self.dtype,
                name="norm",
            )(x)
        size = math.gcd(GROUP, self.width) if self.norm == "group" else self.width
        norm = nn.GroupNorm(
            num_groups=None, group_size=size, dtype=self.dtype, name="norm"
        )
        return norm(x)
