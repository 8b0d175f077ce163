"""Residual network for small images."""

from typing import Any, Literal

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.convolution import Convolution
from mtlx.models.encoders.pixels import Images, scale_pixels
from mtlx.types import Array, Float


class ResNet(nn.Module):
    """h = mean over places of stage_S(.. stage_1(relu(norm(K * x)))).

    A stage is n blocks x -> relu(x' + norm(K_2 * relu(norm(K_1 * x)))). The first block
    of every stage but the first halves the resolution; there x' is every other place of
    x, with zeros for the channels that x has not.

    Args:
        widths: channels of each stage.
        blocks: n of each stage; depth is 2 sum(blocks) + 2, the classifier counted.
        norm: "batch" or "group" (see `Convolution`); "none" and "layer" for trials.
        mean, std: of a pixel, see `scale_pixels`.
        dtype: of the computation; parameters stay float32.

    Returns:
        [B, widths[-1]] of images [B, H, W, C], uint8 or float.

    Raises:
        ValueError: not one number of blocks a stage, or widths that shrink.

    Reference:
        He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, section
        4.2 (CIFAR-10): (16, 32, 64) and (3, 3, 3) are ResNet-20, with shortcuts of
        option A, that have no parameters. Group norm: Wu, He, ECCV 2018; its rows do
        not see each other.
    """

    widths: tuple[int, ...] = (16, 32, 64)
    blocks: tuple[int, ...] = (3, 3, 3)
    norm: Literal["none", "layer", "batch", "group"] = "batch"
    mean: float | tuple[float, ...] = 0.5
    std: float | tuple[float, ...] = 0.25
    dtype: Any = None

    def __post_init__(self):
        if len(self.widths) != len(self.blocks) or min(self.blocks, default=0) < 1:
            raise ValueError(
                f"ResNet: expected a number of blocks >= 1 for each of widths, found "
                f"widths={self.widths} and blocks={self.blocks}."
            )
        if sorted(self.widths) != list(self.widths):
            raise ValueError(
                f"ResNet: expected widths that do not shrink from stage to stage, "
                f"since a shortcut only adds channels, found {self.widths}."
            )
        super().__post_init__()

    @nn.compact
    def __call__(
        self, images: Images, *, train: bool = False
    ) -> Float[Array, "batch units"]:
        x = scale_pixels(images, self.mean, self.std)
        options = {"norm": self.norm, "dtype": self.dtype}
        x = Convolution(self.widths[0], name="stem", **options)(x, train=train)
        stages = zip(self.widths, self.blocks, strict=True)
        for stage, (width, blocks) in enumerate(stages):
            for number in range(blocks):
                stride = 2 if stage and not number else 1
                name = f"block_{stage}_{number}"
                block = _Block(width, stride, name=name, **options)
                x = block(x, train=train)
        return jnp.mean(x, axis=(1, 2), dtype=jnp.float32)


class _Block(nn.Module):
    width: int
    stride: int
    norm: str
    dtype: Any

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        options = {"width": self.width, "norm": self.norm, "dtype": self.dtype}
        first = Convolution(stride=self.stride, name="conv_0", **options)
        second = Convolution(activation=_identity, name="conv_1", **options)
        added = second(first(x, train=train), train=train)
        kept = x[:, :: self.stride, :: self.stride]
        missing = self.width - x.shape[-1]
        kept = jnp.pad(kept, [(0, 0), (0, 0), (0, 0), (0, missing)])
        return nn.relu(kept + added)


def _identity(x: Array) -> Array:
    return x
