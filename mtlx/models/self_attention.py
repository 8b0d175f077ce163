"""Self-attention between the vectors of one row."""

import flax.linen as nn

from mtlx.models.dropout import Dropout
from mtlx.models.layer import Layer
from mtlx.types import Array, Float


class SelfAttention(Layer):
    """s + dropout(MultiHead(LayerNorm(s))): every vector of a row reads all of them.

    Args:
        num_heads: number of heads; it divides D.
        num_readers: how many vectors, from the first on, read the row; None for all.
            The others are read and go no further, which saves a last block arithmetic.
        activation, norm, dropout_rate, dtype: see `Layer`; the layer norm is there
            whatever `norm` says.

    Returns:
        [B, R, D] of s [B, S, D], R = num_readers or S.

    Reference:
        Vaswani et al., "Attention Is All You Need", NeurIPS 2017, sections 3.2
        (attention) and 5.4 (dropout); the norm before the attention as in Xiong et al.,
        "On Layer Normalization in the Transformer Architecture", ICML 2020.
    """

    num_heads: int = 4
    num_readers: int | None = None

    @nn.compact
    def __call__(
        self, s: Float[Array, "batch vectors units"], *, train: bool = False
    ) -> Float[Array, "batch readers units"]:
        attention = nn.MultiHeadDotProductAttention(
            num_heads=self.num_heads, dtype=self.dtype, name="attention"
        )
        normed = nn.LayerNorm(dtype=self.dtype, name="before")(s)
        read = attention(normed[:, : self.num_readers], normed)
        s = s[:, : self.num_readers]
        return s + Dropout(self.dropout_rate, deterministic=not train)(read)
