"""Two LSTM towers over a sequence, one of them from its end."""

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.encoders.recurrent import Recurrent
from mtlx.types import Array, Bool, Float


class BiLSTM(Recurrent):
    """[LSTM_forward(v_1 .. v_n); LSTM_backward(v_n .. v_1)], with parameters of each.

    The backward tower reads the n positions of a row that are no padding from the last
    to the first: it never begins in the padding.

    Args:
        width: of the state of each tower.
        dropout_rate, dtype: see `Recurrent`.

    Returns:
        [B, 2 * width] of vectors [B, L, D] and mask [B, L]; zeros for a row of padding
        alone. `query` is not read.

    Reference:
        Graves and Schmidhuber, "Framewise Phoneme Classification with Bidirectional
        LSTM", Neural Networks 2005; the last states alone are kept.
    """

    @nn.compact
    def __call__(
        self,
        vectors: Float[Array, "batch length width"],
        mask: Bool[Array, "batch length"],
        query: Float[Array, "batch query"] | None = None,
        *,
        train: bool = False,
    ) -> Float[Array, "batch units"]:
        del query
        ends = []
        for name in ("forward", "backward"):
            cell = nn.OptimizedLSTMCell(self.width, dtype=self.dtype, name=name)
            reverse = name == "backward"
            ends.append(self.last_state(cell, vectors, mask, reverse=reverse))
        return self.dropped(jnp.concatenate(ends, axis=-1), train)
