"""What the recurrent encoders have in common."""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.dropout import Dropout, check_rate
from mtlx.models.encoders.last import last_valid
from mtlx.types import Array, Bool, Float


class Recurrent(nn.Module):
    """The state of a cell after the last position of a row that is no padding.

    Args:
        width: of the cell's state.
        dropout_rate: share of the last state set to zero while training.
        dtype: dtype of the computation; parameters and states stay float32.

    Raises:
        ValueError: a width below 1, or a rate outside [0, 1).
    """

    width: int = 32
    dropout_rate: float | Array = 0.0
    dtype: Any = None

    def __post_init__(self):
        if self.width < 1:
            raise ValueError(
                f"{type(self).__name__}: expected width >= 1, found {self.width}."
            )
        check_rate(type(self).__name__, self.dropout_rate)
        super().__post_init__()

    @nn.nowrap
    def last_state(
        self,
        cell: nn.RNNCellBase,
        vectors: Float[Array, "batch length width"],
        mask: Bool[Array, "batch length"],
        *,
        reverse: bool = False,
    ) -> Float[Array, "batch units"]:
        """h_n of the cell, from h_0 = 0; to be called from a compact method.

        Args:
            cell: run along each row.
            vectors: what it reads.
            mask: True where there is no padding, which is at the end.
            reverse: read the n positions of a row from the last to the first.
        """
        count = jnp.sum(mask, axis=1, dtype=jnp.int32)
        rnn = nn.RNN(cell, reverse=reverse, name=f"{cell.name}_rnn")
        return last_valid(rnn(vectors, seq_lengths=count), mask)

    @nn.nowrap
    def dropped(
        self, state: Float[Array, "batch units"], train: bool
    ) -> Float[Array, "batch units"]:
        """The state with a part of it set to zero while training."""
        return Dropout(self.dropout_rate, deterministic=not train)(state)
