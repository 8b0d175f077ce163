"""Gated recurrent unit over a sequence."""

import flax.linen as nn

from mtlx.models.encoders.recurrent import Recurrent
from mtlx.types import Array, Bool, Float


class GRU(Recurrent):
    """h_n of  r = s(W_r x_l + U_r h + b_r),  z = s(W_z x_l + U_z h + b_z),
               m = tanh(W x_l + b + r * (U h + c)),  h_l = (1 - z) * m + z * h.

    Args:
        width: of the state h; h_0 = 0.
        dropout_rate, dtype: see `Recurrent`.

    Returns:
        h_n [B, width] of vectors [B, L, D] and mask [B, L], n the last position of the
        row that is no padding; zeros for a row of padding alone. `query` is not read.

    Reference:
        Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder for
        Statistical Machine Translation", EMNLP 2014, section 2.3; over sessions
        Hidasi et al., "Session-based Recommendations with Recurrent Neural Networks"
        (GRU4Rec), ICLR 2016. r is applied after U, as libraries do, not before it as
        in the paper.
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
        cell = nn.GRUCell(self.width, dtype=self.dtype, name="cell")
        return self.dropped(self.last_state(cell, vectors, mask), train)
