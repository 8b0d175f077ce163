"""A small bidirectional Transformer, pooled."""

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.encoders.transformer_stack import TransformerStack
from mtlx.types import Array, Bool, Float


class TextTransformer(nn.Module):
    """x = s_0, the leading state, or the mean of the states of what is no padding.

    Args:
        width, num_layers, num_heads, feedforward_width, dropout_rate: see
            `TransformerStack`.
        pooling: "leading" (BERT's [CLS]) or "mean".

    Returns:
        [B, D'] of vectors [B, L, D] and mask [B, L]. For a row of padding alone the
        leading state, which has read itself alone, or zeros.

    Raises:
        ValueError: another pooling; see `TransformerStack`.
    """

    width: int = 64
    num_layers: int = 2
    num_heads: int = 4
    feedforward_width: int = 256
    dropout_rate: float | Array = 0.0
    pooling: str = "leading"

    def __post_init__(self):
        if self.pooling not in ("leading", "mean"):
            raise ValueError(
                f'TextTransformer: expected pooling to be "leading" or "mean", found '
                f"{self.pooling!r}."
            )
        super().__post_init__()

    @nn.nowrap
    def stack(self) -> TransformerStack:
        """The blocks, also for what pre-trains them."""
        return TransformerStack(
            width=self.width,
            num_layers=self.num_layers,
            num_heads=self.num_heads,
            feedforward_width=self.feedforward_width,
            dropout_rate=self.dropout_rate,
            name="stack",
        )

    @nn.compact
    def __call__(
        self,
        vectors: Float[Array, "batch length width"],
        mask: Bool[Array, "batch length"],
        query: Float[Array, "batch width"] | None = None,
        *,
        train: bool = False,
    ) -> Float[Array, "batch units"]:
        del query
        states = self.stack()(vectors, mask, train=train)
        if self.pooling == "leading":
            return states[:, 0]
        total = jnp.sum(jnp.where(mask[..., None], states[:, 1:], 0.0), axis=1)
        count = jnp.sum(mask, axis=1, keepdims=True)
        return total / jnp.maximum(count, 1).astype(total.dtype)
