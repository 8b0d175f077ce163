"""BERT, in the form whose weights are published."""

import functools

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.dropout import Dropout
from mtlx.types import Array, Bool, Float


class BERT(nn.Module):
    """s^0 = LayerNorm(v_l + p_l + t), N blocks, x = tanh(W s^N_1 + b).

        a = LayerNorm(s + MultiHead(s)),   s' = LayerNorm(a + W_2 gelu(W_1 a))

    The word vectors v_l are the field's own table, whose width is that of the blocks:
    `encoder.embedding_dim` has to be BERT's hidden size. Position 1 is the token [CLS],
    which the tokenizer puts there (`mtlx.data.bert_tokenizer`); t is the vector of
    segment 0. Weights are read by `mtlx.pretrain.BertWeights`.

    Args:
        num_layers, num_heads, feedforward_width: of the blocks.
        max_positions: rows of the table of positions, at least L.
        epsilon: of the layer norms.
        dropout_rate: on s^0 and on what each half of a block adds.
        pooling: "pooler" (x above) or "mean" of the states of what is no padding.

    Returns:
        [B, D] of vectors [B, L, D] and mask [B, L]; a row of padding alone is read as
        one vector of zeros, or has the mean zero.

    Raises:
        ValueError: another pooling, a text longer than max_positions, or a width that
            num_heads does not divide.

    Reference:
        Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for
        Language Understanding", NAACL 2019. No dropout on the attention weights.
    """

    num_layers: int = 12
    num_heads: int = 12
    feedforward_width: int = 3072
    max_positions: int = 512
    epsilon: float = 1e-12
    dropout_rate: float | Array = 0.0
    pooling: str = "pooler"

    def __post_init__(self):
        if self.pooling not in ("pooler", "mean"):
            raise ValueError(
                f'BERT: expected pooling to be "pooler" or "mean", found '
                f"{self.pooling!r}."
            )
        super().__post_init__()

    @nn.compact
    def __call__(
        self,
        vectors: Float[Array, "batch length width"],
        mask: Bool[Array, "batch length"],
        query: Float[Array, "batch width"] | None = None,
        *,
        train: bool = False,
    ) -> Float[Array, "batch width"]:
        del query
        length, width = vectors.shape[1:]
        self._check(length, width)
        drop = Dropout(self.dropout_rate, deterministic=not train)
        norm = functools.partial(nn.LayerNorm, epsilon=self.epsilon)
        table = functools.partial(self.param, init_fn=nn.initializers.normal(0.02))
        positions = table("positions", shape=(self.max_positions, width))
        segment = table("segment", shape=(1, width))
        s = jnp.where(mask[..., None], vectors, 0.0)
        s = drop(norm(name="norm")(s + positions[None, :length] + segment[None]))
        readable = mask.at[:, 0].set(True)[:, None, None, :]
        for level in range(self.num_layers):
            attention = nn.MultiHeadDotProductAttention(
                num_heads=self.num_heads, name=f"attention_{level}"
            )
            read = attention(s, mask=readable)
            s = norm(name=f"attention_norm_{level}")(s + drop(read))
            h = nn.Dense(self.feedforward_width, name=f"feed_in_{level}")(s)
            h = nn.gelu(h, approximate=False)
            h = nn.Dense(width, name=f"feed_out_{level}")(h)
            s = norm(name=f"feed_norm_{level}")(s + drop(h))
        if self.pooling == "pooler":
            return nn.tanh(nn.Dense(width, name="pooler")(s[:, 0]))
        total = jnp.sum(jnp.where(mask[..., None], s, 0.0), axis=1)
        count = jnp.sum(mask, axis=1, keepdims=True)
        return total / jnp.maximum(count, 1).astype(total.dtype)

    @nn.nowrap
    def _check(self, length: int, width: int) -> None:
        if length > self.max_positions or width % self.num_heads:
            raise ValueError(
                f"BERT: expected texts of at most max_positions={self.max_positions} "
                f"tokens and a width that num_heads={self.num_heads} divides, found "
                f"{length} and {width}; mend data.tokenizer.length or "
                f"encoder.embedding_dim."
            )
