"""A softmax over all items, from the query."""

from collections.abc import Mapping
from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from mtlx.models.recommendation.base import RecommendationModel
from mtlx.models.recommendation.vector_tower import VectorTower
from mtlx.types import Array, Float


class CatalogueSoftmax(RecommendationModel):
    """Logits E q + b of all items for retrieval, y_k = tower_k(q) for other tasks.

    E is the item column's part of the encoder's table, which a history that shares the
    column reads as well. Id 0, which stands for items that the training split does not
    hold, is no answer: its logit is the least number. The item of the row itself is a
    label here; nothing reads it. Of a joint data set each part that has items has such
    a table, as wide as the query vector that all share.

    Args:
        query_widths: layers of the query tower, the last linear and as wide as an
            embedding; () takes the encoder's vector as it is.
        bias: whether there is a b.
        query, item, read: see `RecommendationModel`; the item is one column.
        tasks, outputs, encoder, tower_widths: see `MultiTaskModel`.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Raises:
        ValueError: an item of more than one column, or a query vector that is not as
            wide as an embedding.

    Reference: with encoder=sasrec, a history that shares the item's column, and query
    and item of these alone, it is SASRec (Kang and McAuley, ICDM 2018), trained by a
    softmax in place of one negative, as Klenitskiy and Vasilev, "Turning dross into
    gold loss: is BERT4Rec really better than SASRec?", RecSys 2023, have it.
    """

    hides_item: ClassVar[bool] = True

    query_widths: tuple[int, ...] = ()
    bias: bool = False

    def __post_init__(self):
        super().__post_init__()
        schemas = [part.schema for part in self.schema.parts] or [self.schema]
        for schema, sides in zip(schemas, self.all_sides(), strict=True):
            if len(sides.item_columns) > 1 or sides.item_fields:
                raise ValueError(
                    f"CatalogueSoftmax: expected item to be one categorical column, "
                    f"found {self.item or schema.item}; set model.item (data.item of a "
                    f"part of a joint data set) to one of {list(schema.names)}."
                )

    @nn.compact
    def __call__(
        self, features: Mapping[str, Array], *, train: bool = False
    ) -> dict[str, Float[Array, "batch ..."]]:
        query, tables = self.encode_query_and_tables(features, train)
        tower = VectorTower(
            widths=self.query_widths, name="query_tower", **self.settings()
        )
        query = tower(query, train=train).astype(jnp.float32)
        query = self.probe("query", query)
        others = [task for task in self.tasks if task not in self.retrieval()]
        outputs = self.towers(dict.fromkeys(others, query), train)
        for place, table in enumerate(tables):
            own = [task for task in self._tasks_of(place) if task in self.retrieval()]
            if own:
                _check_width(query, table)
                table = self.probe(f"table_{place}", table)
                outputs |= {task: self._logits(task, query, table) for task in own}
        return {task: outputs[task] for task in self.tasks}

    @nn.nowrap
    def _tasks_of(self, place: int) -> tuple[str, ...]:
        parts = self.schema.parts
        return parts[place].tasks if parts else self.tasks

    @nn.nowrap
    def _logits(self, task: str, query: Array, table: Array) -> Array:
        logits = jnp.matmul(query, table.T, precision=jax.lax.Precision.HIGHEST)
        if self.bias:
            init, shape = nn.initializers.zeros, (len(table),)
            logits += self.param(f"item_bias_{task}", init, shape, jnp.float32)[None]
        return logits.at[:, 0].set(jnp.finfo(jnp.float32).min)

    @nn.nowrap
    def owners(self) -> dict[tuple[str, ...], str]:
        return super().owners() | {(f"item_bias_{t}",): t for t in self.retrieval()}

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        return (
            (("query_tower", "output"),) if self.query_widths else self.encoder_paths()
        )


def _check_width(query: Array, table: Array) -> None:
    if query.shape[1] != table.shape[1]:
        raise ValueError(
            f"CatalogueSoftmax: expected a query vector as wide as an item's, "
            f"{table.shape[1]}, found {query.shape[1]}; mend query_widths, or query "
            f"where these are ()."
        )
