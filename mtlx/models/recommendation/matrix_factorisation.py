"""Matrix factorisation with biases."""

from collections.abc import Mapping

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.recommendation.base import RecommendationModel
from mtlx.types import Array, Float


class MatrixFactorisation(RecommendationModel):
    """y_k = p_u q_i + b_k,u + b_k,i + mu_k, of a query column u and an item column i.

    The vectors are shared by all tasks (rating and purchase, say), the biases are each
    task's own. Of a retrieval task the score is p_u q_i + b_k,i, what else there is
    being the same for all items.

    Args:
        query, item, read: see `RecommendationModel`; one column each.
        tasks, outputs, encoder: see `MultiTaskModel`; there are no towers.
        activation, norm, dropout_rate, dtype: not used, there being no layers.

    Raises:
        ValueError: a side that is not one categorical column.

    Reference: Koren, Bell, Volinsky, "Matrix factorization techniques for recommender
    systems", IEEE Computer 2009, equation 4. Departure: no L2 penalty; see
    `optimizer=adamw`.
    """

    def __post_init__(self):
        super().__post_init__()
        one_column_each(self)

    @nn.compact
    def __call__(
        self, features: Mapping[str, Array], *, train: bool = False
    ) -> dict[str, Float[Array, "batch ..."]]:
        query, item = self.encode_sides(features, train)
        query, item = self.probe("query", query), self.probe("item", item)
        score = jnp.sum(query * item, axis=1)

        def output(task):
            sides = self.sides()
            columns = sides.query_columns + sides.item_columns
            bias = self.encode_columns(features, columns, 1, f"bias_{task}")
            if task in self.retrieval():
                one = jnp.ones((query.shape[0], 1), jnp.float32)
                pair = ([query, one], [item, bias[:, 1:]])
                return jnp.stack([jnp.concatenate(x, axis=1) for x in pair], axis=1)
            mean = self.param(f"mean_{task}", nn.initializers.zeros, (), jnp.float32)
            return score + jnp.sum(bias, axis=1) + mean

        return {task: output(task) for task in self.tasks}

    @nn.nowrap
    def owners(self) -> dict[tuple[str, ...], str]:
        parts = ("bias", "mean")
        return {(f"{part}_{task}",): task for task in self.tasks for part in parts}

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        return (("encoder",),)

    @nn.nowrap
    def check_kinds(self, kinds: tuple[str, ...]) -> None:
        super().check_kinds(kinds)
        if max(self.outputs) > 1:
            raise ValueError(
                f"MatrixFactorisation: expected tasks of kind binary, regression or "
                f"retrieval, found {', '.join(kinds)}. Choose "
                f"model=recommendation/two_tower or leave tasks out."
            )


def one_column_each(model: RecommendationModel) -> None:
    """Refuses a query or an item that is more than one categorical column.

    Raises:
        ValueError: such a side, or a joint data set.
    """
    if model.schema.parts:
        raise ValueError(
            f"{type(model).__name__}: expected a single data set, found the parts "
            f"{[part.name for part in model.schema.parts]}. Choose "
            f"model=recommendation/two_tower."
        )
    sides = model.sides()
    for side in ("query", "item"):
        columns = getattr(sides, f"{side}_columns")
        fields = getattr(sides, f"{side}_fields")
        if len(columns) != 1 or fields or (side == "query" and sides.numerical):
            names = [model.schema.names[c] for c in columns] + [f.name for f in fields]
            raise ValueError(
                f"{type(model).__name__}: expected {side} to be one categorical "
                f"column, found {names}{' and numbers' if sides.numerical else ''}; "
                f"set model.{side} to one of {list(model.schema.names)}."
            )
