"""The rows of a batch, on however many devices they lie."""

import flax.linen as nn

from mtlx.types import Array


class GatheredRows(nn.Module):
    """x [B, ...] of all rows of the batch. Has no parameters.

    A module, so that a step on many devices finds it and collects the rows of all:
    counters over a batch are then the same everywhere.
    """

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return x
