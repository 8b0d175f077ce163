"""Bidirectional Transformer blocks over the positions of a text."""

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.dropout import Dropout
from mtlx.types import Array, Bool, Float

INIT_STDDEV = 0.02  # BERT's, of positions and the leading state


class TransformerStack(nn.Module):
    """s^0 = [c; W v_1 + p_1; ..; W v_L + p_L], the states s^N of N blocks over it.

        a = s + MultiHead(LayerNorm(s)),   s' = a + W_2 gelu(W_1 LayerNorm(a))

    Every position reads all that are no padding, and the learned leading state c.

    Args:
        width: of the states, D'; num_heads divides it.
        num_layers, num_heads, feedforward_width: of the blocks.
        dropout_rate: on s^0 and on what each half of a block adds.

    Returns:
        [B, 1 + L, D'] of vectors [B, L, D] and mask [B, L]: LayerNorm(s^N).

    Raises:
        ValueError: no block, or a width that num_heads does not divide.

    Reference:
        Devlin et al., "BERT", NAACL 2019 (bidirectional, learned positions); the norm
        before each half as in Xiong et al., "On Layer Normalization in the Transformer
        Architecture", ICML 2020, which trains without a warm-up.
    """

    width: int = 64
    num_layers: int = 2
    num_heads: int = 4
    feedforward_width: int = 256
    dropout_rate: float | Array = 0.0

    def __post_init__(self):
        if self.num_layers < 1 or self.num_heads < 1 or self.width % self.num_heads:
            raise ValueError(
                f"TransformerStack: expected num_layers >= 1 and num_heads that "
                f"divides width, found {self.num_layers}, {self.num_heads} and "
                f"{self.width}."
            )
        super().__post_init__()

    @nn.compact
    def __call__(
        self,
        vectors: Float[Array, "batch length width"],
        mask: Bool[Array, "batch length"],
        *,
        train: bool = False,
    ) -> Float[Array, "batch states units"]:
        drop = Dropout(self.dropout_rate, deterministic=not train)
        rows, length = mask.shape
        init, shape = nn.initializers.normal(INIT_STDDEV), (1, self.width)
        leading = self.param("leading", init, shape)
        positions = self.param("positions", init, (length, self.width))
        vectors = jnp.where(mask[..., None], vectors, 0.0)
        s = nn.Dense(self.width, name="project")(vectors) + positions[None]
        leading = jnp.broadcast_to(leading[None], (rows, *shape))
        s = drop(jnp.concatenate([leading, s], axis=1))
        read = jnp.concatenate([jnp.ones((rows, 1), bool), mask], axis=1)
        for level in range(self.num_layers):
            s = s + drop(self._attend(level, s, read))
            s = s + drop(self._feed_forward(level, s))
        return nn.LayerNorm(name="last_norm")(s)

    @nn.nowrap
    def _attend(self, level: int, s: Array, read: Array) -> Array:
        attention = nn.MultiHeadDotProductAttention(
            num_heads=self.num_heads, name=f"attention_{level}"
        )
        s = nn.LayerNorm(name=f"attention_norm_{level}")(s)
        return attention(s, mask=read[:, None, None, :])

    @nn.nowrap
    def _feed_forward(self, level: int, s: Array) -> Array:
        s = nn.LayerNorm(name=f"feed_norm_{level}")(s)
        s = nn.Dense(self.feedforward_width, name=f"feed_in_{level}")(s)
        return nn.Dense(self.width, name=f"feed_out_{level}")(nn.gelu(s))
