"""Several columns of ids in one embedding table."""

import dataclasses
from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from mtlx.models.lookup import lookup
from mtlx.types import Array, Float, Int

# A fixed scale: an initialiser that counts the rows of the table would make the scale
# of one column depend on the sizes of all the others. Small against the unit variance
# of the numeric columns, so that an id seen twice in training is still close to no
# opinion; not so small that Adam's first steps alone decide the direction.
INIT_STDDEV = 0.05


@dataclasses.dataclass(frozen=True)
class OffsetTable:
    """The parameter "embedding" [sum(sizes), D] of a module: column f begins at row
    offset_f = sum of the sizes before it.

    Args:
        sizes: number of ids of each column.
        width: D.
        row_multiple: the table gets rows that no id reads, up to a multiple of this.
    """

    sizes: tuple[int, ...]
    width: int
    row_multiple: int = 1

    @property
    def rows(self) -> int:
        """Number of rows, those that no id reads included."""
        return -(-sum(self.sizes) // self.row_multiple) * self.row_multiple

    def place(
        self, ids: Int[Array, "... columns"], columns: Sequence[int] | None = None
    ) -> Int[Array, "... columns"]:
        """The rows of ids; an id outside its own column's range gets `rows`.

        Args:
            ids: of one column along the last axis each.
            columns: which columns these are; None: all, in order.
        """
        sizes = np.asarray(self.sizes, np.int32)
        chosen = np.arange(len(sizes)) if columns is None else np.array(columns, int)
        across = (1,) * (ids.ndim - 1) + (-1,)
        offsets = (np.cumsum(sizes) - sizes)[chosen].reshape(across)
        known = (ids >= 0) & (ids < sizes[chosen].reshape(across))
        return jnp.where(known, ids + offsets, self.rows)

    def read(
        self, module: nn.Module, places: Int[Array, "..."]
    ) -> Float[Array, "... width"]:
        """The vectors at the rows that `place` gave, NaN where an id was outside.

        Only once in a call of `module`: the table is one parameter of it.
        """
        init = nn.initializers.normal(INIT_STDDEV)
        return lookup(module, "embedding", init, (self.rows, self.width), places)
