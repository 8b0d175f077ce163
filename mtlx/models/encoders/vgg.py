"""Stages of plain convolutions, for images of a middling size."""

from typing import Any, Literal

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.convolution import Convolution
from mtlx.models.encoders.pixels import Images, scale_pixels
from mtlx.models.resize import halve
from mtlx.types import Array, Float


class VGG(nn.Module):
    """h = mean over places of stage_S(pool(stage_{S-1}(.. pool(stage_1(x))))).

    A stage is n times x -> relu(norm(K * x)) with kernels of 3 x 3; pool is 2 x 2
    maximum pooling. Dense layers on top of h are the model's bottom.

    Args:
        widths: channels of each stage.
        convolutions: n of each stage.
        norm: "batch" or "group" (see `Convolution`); "none" and "layer" for trials.
        mean, std: of a pixel, see `scale_pixels`.
        dtype: of the computation; parameters stay float32.

    Returns:
        [B, widths[-1]] of images [B, H, W, C], uint8 or float.

    Raises:
        ValueError: not one number of convolutions a stage, or images too small.

    Reference:
        Simonyan, Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
        Recognition", ICLR 2015, without batch norm. With it, the mean over places and
        these sizes it is the network that Liu et al., "FAMO", NeurIPS 2023, train on
        CelebA, whose code has two dense layers of 512 on top (`bottom_widths`). Initial
        values are linen's, not PyTorch's.
    """

    widths: tuple[int, ...] = (64, 128, 256, 512)
    convolutions: tuple[int, ...] = (1, 2, 2, 2)
    norm: Literal["none", "layer", "batch", "group"] = "batch"
    mean: float | tuple[float, ...] = 0.0
    std: float | tuple[float, ...] = 1.0
    dtype: Any = None

    def __post_init__(self):
        same = len(self.widths) == len(self.convolutions)
        if not same or min(self.convolutions, default=0) < 1:
            raise ValueError(
                f"VGG: expected a number of convolutions >= 1 for each of widths, "
                f"found widths={self.widths} and convolutions={self.convolutions}."
            )
        super().__post_init__()

    @nn.compact
    def __call__(
        self, images: Images, *, train: bool = False
    ) -> Float[Array, "batch units"]:
        sides, halvings = images.shape[1:3], len(self.widths) - 1
        if min(sides) >> halvings < 1:
            raise ValueError(
                f"VGG: expected images of at least {2**halvings} pixels a side, which "
                f"{halvings} poolings leave one of, found {sides[0]} x {sides[1]}; set "
                f"encoder.image.widths and convolutions to fewer stages."
            )
        x = scale_pixels(images, self.mean, self.std)
        stages = zip(self.widths, self.convolutions, strict=True)
        for stage, (width, convolutions) in enumerate(stages):
            x = halve(x) if stage else x
            for number in range(convolutions):
                name = f"conv_{stage}_{number}"
                conv = Convolution(width, norm=self.norm, dtype=self.dtype, name=name)
                x = conv(x, train=train)
        return jnp.mean(x, axis=(1, 2), dtype=jnp.float32)
