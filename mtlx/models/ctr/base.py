"""What the networks of a single task have in common."""

from collections.abc import Mapping
from typing import ClassVar

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.base import MultiTaskModel
from mtlx.types import Array, Float


class CTRModel(MultiTaskModel):
    """y_k = score_k(features): a network for each task, as if it were the only one.

    T networks of one form, trained at once; every parameter belongs to one task, so
    balancers change nothing. A subclass defines `score` and names its `parts`, the
    submodules and parameters that are called "<part>_<task>".

    Args:
        tasks, outputs, encoder, tower_widths: see `MultiTaskModel`; one output each.
        schema: which columns there are.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Raises:
        ValueError: features of several data sets.
    """

    parts: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self):
        if self.schema.parts:
            raise ValueError(
                f"{type(self).__name__}: expected the columns of one data set, found "
                f"those of {[part.name for part in self.schema.parts]}. Choose one of "
                f"them as data=, or model=single_task."
            )
        super().__post_init__()

    @nn.compact
    def __call__(
        self, features: Mapping[str, Array], *, train: bool = False
    ) -> dict[str, Float[Array, "batch"]]:
        return {task: self.score(task, features, train) for task in self.tasks}

    @nn.nowrap
    def score(
        self, task: str, features: Mapping[str, Array], train: bool
    ) -> Float[Array, "batch"]:
        """The logit, or value, of one task."""
        raise NotImplementedError(f"{type(self).__name__} does not define score.")

    @nn.nowrap
    def linear(self, task: str, features: Mapping[str, Array]) -> Float[Array, "batch"]:
        """sum_f w_f[id_f] + w x of ids and numbers, without a bias; in float32."""
        schema, terms = self.schema, []
        if schema.cardinalities:
            columns = tuple(range(len(schema.cardinalities)))
            weights = self.encode_columns(features, columns, 1, f"linear_{task}")
            terms.append(jnp.sum(weights, axis=1))
        if schema.numericals:
            slope = nn.Dense(1, use_bias=False, dtype=jnp.float32, name=f"slope_{task}")
            terms.append(slope(features["numerical"].astype(jnp.float32))[:, 0])
        return sum(terms)

    @nn.nowrap
    def owners(self) -> dict[tuple[str, ...], str]:
        return {(f"{part}_{task}",): task for task in self.tasks for part in self.parts}

    @nn.nowrap
    def check_kinds(self, kinds: tuple[str, ...]) -> None:
        super().check_kinds(kinds)
        strange = sorted(set(kinds) - {"binary", "regression"})
        if strange:
            raise ValueError(
                f"{type(self).__name__}: expected binary or regression tasks, found "
                f"{', '.join(strange)}. Choose model=single_task, or leave tasks out."
            )
