"""Logistic regression."""

from collections.abc import Mapping

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.ctr.base import CTRModel
from mtlx.types import Array, Float


class LogisticRegression(CTRModel):
    """y_k = sum_f w_kf[id_f] + w_k x + b_k: a weight an id, a weight a number.

    The logit of a binary task, the value of a regression one.

    Args:
        tasks, outputs, encoder: see `MultiTaskModel`; of the encoder only the table is
            used, at width 1. There are no towers.
        schema: which columns there are.
        activation, norm, dropout_rate, dtype: not used, there being no layers.

    Raises:
        ValueError: inputs that are neither ids nor numbers, or features of several data
            sets.

    Reference: Richardson, Dominowska, Ragno, "Predicting clicks: estimating the
    click-through rate for new ads", WWW 2007, equation 2. Departure: no prior on the
    weights; see `optimizer=adamw`.
    """

    parts = ("linear", "slope", "bias")

    def __post_init__(self):
        if self.schema.fields:
            raise ValueError(
                f"LogisticRegression: expected ids and numbers alone, found "
                f"{', '.join(field.name for field in self.schema.fields)}. Leave them "
                f"out (data.history=0, data.inputs), or choose model=ctr/deepfm."
            )
        super().__post_init__()

    @nn.nowrap
    def score(
        self, task: str, features: Mapping[str, Array], train: bool
    ) -> Float[Array, "batch"]:
        bias = self.param(f"bias_{task}", nn.initializers.zeros, (), jnp.float32)
        return self.linear(task, features) + bias
