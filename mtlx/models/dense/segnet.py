"""A small encoder-decoder from an image to maps of its own resolution."""

from collections.abc import Mapping
from typing import Any, Literal

import flax.linen as nn

from mtlx.models.convolution import Convolution
from mtlx.models.dense.maps import Block, Maps
from mtlx.models.encoders.pixels import scale_pixels
from mtlx.models.resize import double, halve
from mtlx.types import Array, Field


class SegNet(nn.Module):
    """down_l = convs(halve(down_{l-1})), up_l = convs(double(up_{l+1})), l = 0 .. L-1.

    Two convolutions a block; up_{L-1} begins from halve(down_{L-1}). It takes the place
    of a row's encoder for the models of `mtlx.models.dense`, and reads the one image.

    Args:
        widths: channels of each resolution, from that of the image; up_l has those of
            l - 1, up_0 those of 0.
        norm: see `Convolution`.
        mean, std: of a pixel, see `scale_pixels`.
        dtype: of the computation; parameters stay float32.
        fields: the inputs, `Schema.fields`.
        cardinalities, names: of categorical columns, which it cannot read: ().

    Returns:
        `Maps` of features[image] [B, H, W, C].

    Raises:
        ValueError: not one image field, categorical columns, no width, or sides that
            cannot be halved L times.

    Reference:
        Badrinarayanan, Kendall, Cipolla, "SegNet", PAMI 2017; with 5 widths of 64 to
        512 the trunk of MTAN (Liu, Johns, Davison, CVPR 2019). SegNet's decoder puts a
        value back where its maximum was; ours repeats it, which every backend does
        fast, and a block has two convolutions where theirs have two or three.
    """

    widths: tuple[int, ...] = (16, 32)
    norm: Literal["none", "layer", "batch", "group"] = "batch"
    mean: float | tuple[float, ...] = 0.5
    std: float | tuple[float, ...] = 0.25
    dtype: Any = None
    fields: tuple[Field, ...] = ()
    cardinalities: tuple[int, ...] = ()
    names: tuple[str, ...] = ()

    def __post_init__(self):
        kinds = [field.kind for field in self.fields]
        if kinds != ["image"] or self.cardinalities or not self.widths:
            raise ValueError(
                f"SegNet: expected one image field, no categorical columns and at "
                f"least one width, found fields of kinds {kinds}, "
                f"{len(self.cardinalities)} columns and "
                f"widths={self.widths}. For rows choose another encoder."
            )
        super().__post_init__()

    @nn.compact
    def __call__(self, features: Mapping[str, Array], *, train: bool = False) -> Maps:
        (field,) = self.fields
        self._check(field)
        x = scale_pixels(features[field.name], self.mean, self.std)
        down, up = [], []
        for level, width in enumerate(self.widths):
            x = x if level == 0 else halve(x)
            down.append(self._block(f"down_{level}", width, x, train))
            x = down[-1].late
        x = halve(x)
        for level in reversed(range(len(self.widths))):
            width = self.widths[max(level - 1, 0)]
            up.append(self._block(f"up_{level}", width, double(x), train))
            x = up[-1].late
        return Maps(tuple(down), tuple(up))

    @nn.nowrap
    def _block(self, name: str, width: int, x: Array, train: bool) -> Block:
        options = {"width": width, "norm": self.norm, "dtype": self.dtype}
        early = Convolution(name=f"{name}_0", **options)(x, train=train)
        return Block(
            early, Convolution(name=f"{name}_1", **options)(early, train=train)
        )

    @nn.nowrap
    def _check(self, field: Field) -> None:
        factor = 2 ** len(self.widths)
        if any(side % factor for side in field.shape[:2]):
            raise ValueError(
                f"SegNet: expected sides that {factor} divides, for {len(self.widths)} "
                f"widths, found images of {field.shape[0]} x {field.shape[1]}. Crop or "
                f"pad them, or give encoder.widths fewer entries."
            )
