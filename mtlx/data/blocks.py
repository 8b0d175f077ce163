"""Training splits that are larger than memory: blocks of rows, read when needed."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from mtlx.types import Batch


@runtime_checkable
class BlockSource(Protocol):
    """Blocks of consecutive rows, in any order: row groups of Parquet, say."""

    sizes: Sequence[int]  # rows of each block

    def read(self, block: int) -> Batch:
        """The rows of one block, NumPy arrays."""


class Blocks(NamedTuple):
    """A training split in blocks; its order is a seeded shuffle.

    A pass over the rows takes the blocks in a random order, `window` of them at a time,
    and the rows of a window in a random order. One window is in memory, and for the
    moment in which the next is read and shuffled, four. Each row is seen once a pass;
    what does not fill a last batch is left out of it.

    `steps_per_epoch` cuts the endless row of passes into epochs, each of which ends in
    an evaluation and a checkpoint: for data so large that a pass is too far apart. None
    means a pass.
    """

    source: BlockSource
    window: int = 16
    steps_per_epoch: int | None = None
