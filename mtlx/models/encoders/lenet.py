"""The network of the multi-digit benchmarks."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from mtlx.models.conv import Conv
from mtlx.models.dropout import Dropout
from mtlx.models.encoders.pixels import Images, scale_pixels
from mtlx.models.resize import halve
from mtlx.types import Array, Float

SWAPPED = (3, 1, 2, 0)  # [B, H, W, C] and [C, H, W, B]


class LeNet(nn.Module):
    """h = relu(W flatten(drop(c_L)) + b), c_l = relu(pool(K_l * c_{l-1} + b_l)).

    Convolutions without padding, each followed by 2 x 2 maximum pooling. `drop` sets
    whole channels to zero: before the last pooling, as the papers have it, is the same.
    On a CPU the maps have the rows innermost (`Conv.batch_last`).

    Args:
        channels: of each convolution.
        kernels: side of the kernel of each convolution.
        width: units D of h.
        dropout_rate: share of the last convolution's channels dropped while training.
        mean, std: of a pixel, see `scale_pixels`; the defaults are those of MNIST.
        dtype: of the computation; parameters stay float32.

    Returns:
        [B, width] of images [B, H, W, C], uint8 or float.

    Raises:
        ValueError: not one kernel for each of `channels`, or images too small.

    Reference:
        Sener, Koltun, "Multi-Task Learning as Multi-Objective Optimization", NeurIPS
        2018, section 5.1: 10 and 20 channels of 5 x 5 and 50 units, for images of 28 x
        28; its heads are `tower_widths` = (50,). Kernels (9, 5) on images of 36 x 36:
        Lin et al., "Pareto Multi-Task Learning", NeurIPS 2019. LeCun et al., 1998, have
        sigmoids and trainable subsampling. Initial values are linen's, not PyTorch's.
    """

    channels: tuple[int, ...] = (10, 20)
    kernels: tuple[int, ...] = (5, 5)
    width: int = 50
    dropout_rate: float = 0.5
    mean: float | tuple[float, ...] = 0.1307
    std: float | tuple[float, ...] = 0.3081
    dtype: Any = None

    def __post_init__(self):
        if len(self.channels) != len(self.kernels) or not self.channels:
            raise ValueError(
                f"LeNet: expected one kernel for each of channels, found "
                f"channels={self.channels} and kernels={self.kernels}."
            )
        super().__post_init__()

    @nn.compact
    def __call__(
        self, images: Images, *, train: bool = False
    ) -> Float[Array, "batch units"]:
        self._check(images.shape[1:3])
        x = scale_pixels(images, self.mean, self.std)
        batch_last = jax.default_backend() == "cpu"
        x = jnp.transpose(x, SWAPPED) if batch_last else x
        for index, (width, kernel) in enumerate(
            zip(self.channels, self.kernels, strict=True)
        ):
            options = {"batch_last": batch_last, "dtype": self.dtype}
            x = nn.relu(halve(Conv(width, kernel, name=f"conv_{index}", **options)(x)))
        x = jnp.transpose(x, SWAPPED) if batch_last else x
        over_places = {"broadcast_dims": (1, 2), "deterministic": not train}
        x = Dropout(self.dropout_rate, **over_places)(x)
        x = x.reshape(x.shape[0], -1)
        x = nn.relu(nn.Dense(self.width, dtype=self.dtype, name="dense")(x))
        return x.astype(jnp.float32)

    @nn.nowrap
    def _check(self, sides: tuple[int, ...]) -> None:
        left = min(sides)
        for kernel in self.kernels:
            left = (left - kernel + 1) // 2
        if left < 1:
            raise ValueError(
                f"LeNet: expected images that leave a pixel after convolutions of "
                f"{self.kernels} with 2 x 2 pooling, found {sides[0]} x {sides[1]}; "
                f"set encoder.image.kernels to fewer or smaller ones."
            )
