"""What a trunk of maps hands to an architecture."""

from typing import NamedTuple

from mtlx.types import Array


class Block(NamedTuple):
    """The maps of one resolution, on the way down or up."""

    early: Array  # [B, H, W, C] after the first convolution, u in MTAN
    late: Array  # [B, H, W, C] after the last one, p in MTAN


class Maps(NamedTuple):
    """All blocks of an encoder-decoder, the last one at the resolution of the image."""

    down: tuple[Block, ...]  # each half as wide and high as the one before
    up: tuple[Block, ...]  # from the smallest

    @property
    def last(self) -> Array:
        """[B, H, W, C], what a pixel is predicted from."""
        return self.up[-1].late
