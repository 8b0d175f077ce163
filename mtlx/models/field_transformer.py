"""Transformer over the fields of a row, with a token for each task."""

from collections.abc import Mapping

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.base import MultiTaskModel
from mtlx.models.dropout import Dropout
from mtlx.models.self_attention import SelfAttention
from mtlx.types import Array, Float


class FieldTransformer(MultiTaskModel):
    """y_k = tower_k(LayerNorm(s^L)_k) of the tokens s^0 = [t_1; ..; t_T; W fields + b].

        a = s^{l-1} + MultiHead(LayerNorm(s^{l-1})),   s^l = a + W_2 f(W_1 LayerNorm(a))

    Every column of a row is a token, and every task one more, t_k, whose last state its
    tower reads. All tokens read each other, so a task's token is shared like the rest;
    block L works out the tasks' tokens alone, as no tower reads the others.

    Args:
        token_dim: width of the tokens.
        num_layers: number L of blocks.
        num_heads: number of heads.
        feedforward_width: units of W_1.
        encoder: as in `MultiTaskModel`; here it is called with `tokens=True` too, and
            makes tokens [B, F, D], as `FeatureEncoder` does.
        tasks, outputs, tower_widths: see `MultiTaskModel`.
        activation, norm, dropout_rate, dtype: see `Layer`; `norm` is the towers'.

    Raises:
        ValueError: no block, or a token_dim that num_heads does not divide.

    Reference:
        Gorishniy et al., "Revisiting Deep Learning Models for Tabular Data"
        (FT-Transformer), NeurIPS 2021, section 3.3, with T tokens in place of the one
        [CLS].
    """

    token_dim: int = 52
    num_layers: int = 4
    num_heads: int = 4
    feedforward_width: int = 208

    def __post_init__(self):
        heads, size = self.num_heads, self.token_dim
        if self.num_layers < 1 or heads < 1 or size % heads:
            raise ValueError(
                f"FieldTransformer: expected num_layers >= 1 and num_heads that "
                f"divides token_dim, found {self.num_layers}, {heads} and {size}."
            )
        super().__post_init__()

    @nn.nowrap
    def represent(
        self, features: Mapping[str, Array], train: bool
    ) -> dict[str, Float[Array, "batch units"]]:
        fields = self.encode(features, train, tokens=True)
        fields = nn.Dense(self.token_dim, dtype=self.dtype, name="project")(fields)
        count = len(self.tasks)
        shape = (count, self.token_dim)
        tokens = self.param("task_tokens", nn.initializers.normal(0.05), shape)
        tokens = jnp.broadcast_to(
            tokens.astype(fields.dtype), (fields.shape[0], *shape)
        )
        s = jnp.concatenate([tokens, fields], axis=1)
        for level in range(self.num_layers):
            attend = SelfAttention(
                num_heads=self.num_heads,
                num_readers=count if level == self.num_layers - 1 else None,
                name=f"attend_{level}",
                **self.settings(),
            )
            s = self._feed_forward(level, attend(s, train=train), train)
        s = nn.LayerNorm(dtype=self.dtype, name="last_norm")(s)
        s = self.probe("task_states", s)
        return {task: s[:, index] for index, task in enumerate(self.tasks)}

    @nn.nowrap
    def _feed_forward(self, level: int, s: Array, train: bool) -> Array:
        def dense(width, part):
            return nn.Dense(width, dtype=self.dtype, name=f"feed_{level}_{part}")

        h = nn.LayerNorm(dtype=self.dtype, name=f"feed_{level}_norm")(s)
        h = dense(self.feedforward_width, "in")(h)
        h = dense(self.token_dim, "out")(self.activation(h))
        return s + Dropout(self.dropout_rate, deterministic=not train)(h)

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        return ((f"feed_{self.num_layers - 1}_out",),)
