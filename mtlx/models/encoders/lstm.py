"""Long short-term memory over a sequence."""

import flax.linen as nn

from mtlx.models.encoders.recurrent import Recurrent
from mtlx.types import Array, Bool, Float


class LSTM(Recurrent):
    """h_n of  i, f, o = s(W x_l + U h + b) each,  g = tanh(W_g x_l + U_g h + b_g),
               c_l = f * c + i * g,  h_l = o * tanh(c_l).

    Args:
        width: of the state h; h_0 = c_0 = 0.
        dropout_rate, dtype: see `Recurrent`.

    Returns:
        h_n [B, width] of vectors [B, L, D] and mask [B, L], n the last position of the
        row that is no padding; zeros for a row of padding alone. `query` is not read.

    Reference:
        Hochreiter and Schmidhuber, "Long Short-Term Memory", Neural Computation 1997,
        with the forget gate of Gers et al., "Learning to Forget", 2000.
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
        cell = nn.OptimizedLSTMCell(self.width, dtype=self.dtype, name="cell")
        return self.dropped(self.last_state(cell, vectors, mask), train)
