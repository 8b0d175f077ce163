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
    label here; nothing reads it.

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
        sides = self.sides()
        if len(sides.item_columns) != 1 or sides.item_fields:
            raise ValueError(
                f"CatalogueSoftmax: expected item to be one categorical column, found "
                f"{self.item or self.schema.item}; set model.item to one of "
                f"{list(self.schema.names)}."
            )

    @nn.compact
    def __call__(
        self, features: Mapping[str, Array], *, train: bool = False
    ) -> dict[str, Float[Array, "batch ..."]]:
        encoder, query = self.encode_query(features, train)
        table = encoder.column(self.sides().item_columns[0])
        tower = VectorTower(
            widths=self.query_widths, name="query_tower", **self.settings()
        )
        query = tower(query, train=train).astype(jnp.float32)
        if query.shape[1] != table.shape[1]:
            raise ValueError(
                f"CatalogueSoftmax: expected a query vector as wide as an item's, "
                f"{table.shape[1]}, found {query.shape[1]}; mend query_widths, or "
                f"query where these are ()."
            )
        query, table = self.probe("query", query), self.probe("table", table)
        others = [task for task in self.tasks if task not in self.retrieval()]
        outputs = self.towers(dict.fromkeys(others, query), train)
        for task in self.retrieval():
            outputs[task] = self._logits(task, query, table)
        return {task: outputs[task] for task in self.tasks}

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
        return (("query_tower", "output"),) if self.query_widths else (("encoder",),)
