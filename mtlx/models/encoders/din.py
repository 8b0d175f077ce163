"""Attention of a candidate over the sequence."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from mtlx.models.dropout import check_rate
from mtlx.models.mlp import MLP
from mtlx.types import Array, Bool, Float


class DIN(nn.Module):
    """sum_l a(q, v_l) v_l,  a(q, k) = W MLP([q; k; q - k; q * k]) + b, no softmax.

    The weights do not sum to 1: how many positions speak for a candidate counts.

    Args:
        widths: hidden layers of the activation unit a.
        activation: of these layers. The paper has PReLU or Dice; the sigmoid is that
            of the authors' code.
        softmax: whether a / sqrt(D) goes through a softmax over the positions, the
            option of the authors' code.
        dropout_rate, dtype: of the activation unit, see `Layer`.

    Returns:
        [B, D] of vectors [B, L, D], mask [B, L] and query [B, D]; zeros for a row of
        padding alone.

    Raises:
        ValueError: no query, or one of another width; a rate outside [0, 1).

    Reference:
        Zhou et al., "Deep Interest Network for Click-Through Rate Prediction", KDD
        2018, equation 3 and figure 2, without its batch-wise Dice; q - k and q * k, as
        in the authors' code, where the figure has an outer product.
    """

    widths: tuple[int, ...] = (80, 40)
    activation: Callable[..., Array] = nn.sigmoid
    softmax: bool = False
    dropout_rate: float | Array = 0.0
    dtype: Any = None

    def __post_init__(self):
        check_rate("DIN", self.dropout_rate)
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
        if query is None or query.shape[-1] != vectors.shape[-1]:
            raise ValueError(
                f"DIN: expected a query of the width {vectors.shape[-1]} of the "
                f"vectors, found {query if query is None else query.shape[-1]}; name "
                f"the candidate's categorical columns in the field's `shared`, or "
                f"choose an encoder without a query."
            )
        scores = self._scores(vectors, query, train)
        if self.softmax:
            scores = scores / jnp.sqrt(vectors.shape[-1])
            lowest = jnp.finfo(scores.dtype).min
            scores = jax.nn.softmax(jnp.where(mask, scores, lowest), axis=1)
        scores = jnp.where(mask, scores, 0.0)
        return jnp.einsum("bl,bld->bd", scores, vectors)

    @nn.nowrap
    def _scores(
        self,
        vectors: Float[Array, "batch length width"],
        query: Float[Array, "batch width"],
        train: bool,
    ) -> Float[Array, "batch length"]:
        q = jnp.broadcast_to(query[:, None], vectors.shape)
        pairs = jnp.concatenate([q, vectors, q - vectors, q * vectors], axis=-1)
        unit = MLP(
            widths=self.widths,
            activation=self.activation,
            dropout_rate=self.dropout_rate,
            dtype=self.dtype,
            name="unit",
        )
        hidden = unit(pairs.reshape(-1, pairs.shape[-1]), train=train)
        scores = nn.Dense(1, dtype=self.dtype, name="score")(hidden)
        return scores.astype(jnp.float32).reshape(vectors.shape[:2])
