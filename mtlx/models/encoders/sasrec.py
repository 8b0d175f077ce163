"""Causal self-attention over a sequence."""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.dropout import Dropout, check_rate
from mtlx.models.encoders.last import last_valid
from mtlx.types import Array, Bool, Float

POSITION_STDDEV = 0.05  # as the vectors that positions are added to


class SASRec(nn.Module):
    """LayerNorm(s^K)_n of  s^0_l = dropout(v_l + p_(n-l)),
           a = s + dropout(Attention(LayerNorm(s))),
           s' = a + dropout(W_2 relu(W_1 LayerNorm(a) + b_1) + b_2),
    in K blocks, where position l attends to positions 1 .. l that are no padding.

    p counts from the latest position backwards. That is the paper's table, in which the
    latest of a sequence that is padded on the left always has position L.

    Args:
        num_blocks: number K of blocks.
        num_heads: number of heads; it divides D.
        dropout_rate: of the positions' sum, the attention and the feed-forward layer.
        dtype: dtype of the computation; parameters stay float32.

    Returns:
        [B, D] of vectors [B, L, D] and mask [B, L], n the last position of the row that
        is no padding; zeros for a row of padding alone. `query` is not read.

    Raises:
        ValueError: no block, a D that num_heads does not divide, or a rate outside
            [0, 1).

    Reference:
        Kang and McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018,
        equations 1 to 7 and section III-C. The last LayerNorm is that of the authors'
        code; queries and keys both are normalised, as in the paper's g(LayerNorm(x)).
    """

    num_blocks: int = 2
    num_heads: int = 1
    dropout_rate: float | Array = 0.0
    dtype: Any = None

    def __post_init__(self):
        if self.num_blocks < 1 or self.num_heads < 1:
            raise ValueError(
                f"SASRec: expected num_blocks >= 1 and num_heads >= 1, found "
                f"{self.num_blocks} and {self.num_heads}."
            )
        check_rate("SASRec", self.dropout_rate)
        super().__post_init__()

    @nn.compact
    def __call__(
        self,
        vectors: Float[Array, "batch length width"],
        mask: Bool[Array, "batch length"],
        query: Float[Array, "batch query"] | None = None,
        *,
        train: bool = False,
    ) -> Float[Array, "batch width"]:
        del query
        if vectors.shape[-1] % self.num_heads:
            raise ValueError(
                f"SASRec: expected num_heads that divides the width of the vectors, "
                f"found {self.num_heads} and {vectors.shape[-1]}; mend num_heads or "
                f"embedding_dim."
            )
        s = self._dropped(vectors + self._positions(vectors, mask), train)
        readable = mask[:, None, None, :]
        causal = nn.make_causal_mask(mask, dtype=bool) & readable
        for block in range(self.num_blocks - 1):
            s = self._block(f"block_{block}", s, s, causal, train)
        # Of the last block the latest position alone is wanted: it reads all of them.
        last = last_valid(s, mask)[:, None]
        name = f"block_{self.num_blocks - 1}"
        last = self._block(name, last, s, readable, train)
        last = self._norm("last_norm")(last)[:, 0]
        return jnp.where(jnp.any(mask, axis=1)[:, None], last, 0.0)

    @nn.nowrap
    def _positions(
        self,
        vectors: Float[Array, "batch length width"],
        mask: Bool[Array, "batch length"],
    ) -> Float[Array, "batch length width"]:
        init = nn.initializers.normal(POSITION_STDDEV)
        table = self.param("positions", init, vectors.shape[1:], jnp.float32)
        last = jnp.sum(mask, axis=1, keepdims=True, dtype=jnp.int32) - 1
        back = last - jnp.arange(mask.shape[1], dtype=jnp.int32)[None]
        return jnp.take(table, jnp.maximum(back, 0), axis=0)

    @nn.nowrap
    def _block(
        self, name: str, readers: Array, s: Array, mask: Array, train: bool
    ) -> Array:
        read = self._attend(name, readers, s, mask)
        readers = readers + self._dropped(read, train)
        return readers + self._dropped(self._feed_forward(name, readers), train)

    @nn.nowrap
    def _attend(self, name: str, readers: Array, s: Array, mask: Array) -> Array:
        def heads(part, x):
            x = nn.Dense(s.shape[-1], dtype=self.dtype, name=f"{name}_{part}")(x)
            return x.reshape(*x.shape[:2], self.num_heads, -1)

        norm = self._norm(f"{name}_attention_norm")
        x, asking = norm(s), norm(readers)
        query, key, value = heads("query", asking), heads("key", x), heads("value", x)
        read = nn.dot_product_attention(query, key, value, mask=mask)
        return read.reshape(readers.shape)

    @nn.nowrap
    def _feed_forward(self, name: str, s: Array) -> Array:
        def dense(part):
            return nn.Dense(s.shape[-1], dtype=self.dtype, name=f"{name}_{part}")

        h = self._norm(f"{name}_feed_norm")(s)
        return dense("out")(nn.relu(dense("in")(h)))

    @nn.nowrap
    def _norm(self, name: str) -> nn.LayerNorm:
        return nn.LayerNorm(dtype=self.dtype, name=name)

    @nn.nowrap
    def _dropped(self, x: Array, train: bool) -> Array:
        return Dropout(self.dropout_rate, deterministic=not train)(x)
