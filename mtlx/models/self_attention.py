"""Self-attention between the vectors of one row."""

import flax.linen as nn

from mtlx.models.layer import Layer
from mtlx.types import Array, Float


class SelfAttention(Layer):
    """s + MultiHead(LayerNorm(s)): every vector of a row reads all of them.

    Args:
        num_heads: number of heads; it divides D.
        activation, norm, dropout_rate, dtype: see `Layer`; the layer norm is there
            whatever `norm` says.

    Returns:
        [B, S, D] of s [B, S, D].

    Reference:
        Vaswani et al., "Attention Is All You Need", NeurIPS 2017, section 3.2; the norm
        before the attention as in Xiong et al., ICML 2020.
    """

    num_heads: int = 4

    @nn.compact
    def __call__(
        self, s: Float[Array, "batch vectors units"], *, train: bool = False
    ) -> Float[Array, "batch vectors units"]:
        attention = nn.MultiHeadDotProductAttention(
            num_heads=self.num_heads,
            dtype=self.dtype,
            dropout_rate=self.dropout_rate,
            deterministic=not train,
            name="attention",
        )
        return s + attention(nn.LayerNorm(dtype=self.dtype, name="before")(s))
