"""A weighted mean of the positions, the weights learnt."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from mtlx.models.dropout import Dropout
from mtlx.types import Array, Bool, Float


class AttentionPool(nn.Module):
    """x = sum_l a_l v_l,  a = softmax_l(u^T tanh(W v_l + b)) over what is no padding.

    Args:
        width: units of tanh(W v + b).
        dropout_rate: share of x set to zero while training.

    Returns:
        [B, D] of vectors [B, L, D] and mask [B, L]; zeros for a row of padding alone.

    Reference:
        Yang et al., "Hierarchical Attention Networks for Document Classification",
        NAACL 2016, equations 5 to 7, on the vectors themselves.
    """

    width: int = 64
    dropout_rate: float | Array = 0.0

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
        vectors = jnp.where(mask[..., None], vectors, 0.0)
        hidden = nn.tanh(nn.Dense(self.width, name="hidden")(vectors))
        scores = nn.Dense(1, use_bias=False, name="score")(hidden)[..., 0]
        scores = jnp.where(mask, scores, jnp.finfo(scores.dtype).min)
        # Again after the softmax: where all is padding, it is not zero but 1 / L.
        weights = jnp.where(mask, jax.nn.softmax(scores, axis=-1), 0.0)
        pooled = jnp.einsum("bl,bld->bd", weights, vectors)
        return Dropout(self.dropout_rate, deterministic=not train)(pooled)
