"""What the models that match queries with items have in common."""

from collections.abc import Mapping
from typing import ClassVar

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.base import MultiTaskModel
from mtlx.models.recommendation.sides import Sides, find_sides
from mtlx.types import Array, Float


class RecommendationModel(MultiTaskModel):
    """A row is a query (user, context, history, search) and an item.

    A retrieval task has no tower. Its output is the query vector and the item vector of
    the row, [B, 2, D], whose product is the score; the vectors of a catalogue are what
    the model says of the catalogue's rows. Nothing of the item reaches the query
    vector, target attention (DIN) included: it is computed with the item hidden.

    Args:
        query: names of the columns and fields of the query; None: all but the item's,
            numeric columns included.
        item: names of those of the item, the first a column whose ids number the
            catalogue; None: `Schema.item`.
        read: tasks that are scored and not trained.
        tasks, outputs, encoder, tower_widths: see `MultiTaskModel`; 0 outputs of a
            retrieval task.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Raises:
        ValueError: a side without inputs, or with strange ones; a task to read that is
            none, or that leaves none to train.
    """

    min_outputs: ClassVar[int] = 0

    query: tuple[str, ...] | None = None
    item: tuple[str, ...] | None = None
    read: tuple[str, ...] = ()

    def __post_init__(self):
        super().__post_init__()
        name = type(self).__name__
        self.sides()
        if set(self.read) - set(self.tasks) or set(self.tasks) <= set(self.read):
            raise ValueError(
                f"{name}: expected read to name some tasks of {self.tasks}, and to "
                f"leave one to train, found {self.read}."
            )

    @nn.nowrap
    def sides(self) -> Sides:
        """Which inputs are of the query and which of the item."""
        return find_sides(type(self).__name__, self.schema, self.query, self.item)

    @nn.nowrap
    def retrieval(self) -> tuple[str, ...]:
        """The retrieval tasks."""
        pairs = zip(self.tasks, self.outputs, strict=True)
        return tuple(task for task, outputs in pairs if outputs == 0)

    @nn.nowrap
    def encode_sides(
        self, features: Mapping[str, Array], train: bool, name: str = "encoder"
    ) -> tuple[Float[Array, "batch _"], Float[Array, "batch _"]]:
        """What the encoder makes of the query and of the item of each row.

        One encoder has the tables of all columns, so that a history may read the
        item's; the fields of the item have one of their own, "item_<name>".
        """
        sides = self.sides()
        encoder, query = self.encode_query(features, train, name)
        x = encoder(self._read(features), train=train)
        parts = [_column(x, c, encoder.embedding_dim) for c in sides.item_columns]
        if sides.item_fields:
            alone = {field.name: features[field.name] for field in sides.item_fields}
            own = {"cardinalities": (), "names": (), "fields": sides.item_fields}
            parts.append(self.encode(alone, train, f"item_{name}", **own))
        return query, jnp.concatenate(parts, axis=1)

    @nn.nowrap
    def encode_query(
        self, features: Mapping[str, Array], train: bool, name: str = "encoder"
    ) -> tuple[nn.Module, Float[Array, "batch _"]]:
        """The encoder, and what it makes of the query, the item's columns being 0."""
        sides = self.sides()
        encoder = self.encoder(name=name, fields=sides.query_fields)
        ids = features["categorical"]
        width, end = encoder.embedding_dim, ids.shape[1] * encoder.embedding_dim
        ids = ids.at[:, jnp.array(sides.item_columns)].set(0)
        x = encoder(self._read(features) | {"categorical": ids}, train=train)
        parts = [_column(x, c, width) for c in sides.query_columns]
        return encoder, jnp.concatenate([*parts, x[:, end:]], axis=1)

    @nn.nowrap
    def _read(self, features: Mapping[str, Array]) -> dict[str, Array]:
        """The features, without the numeric columns where the query has none."""
        unread = () if self.sides().numerical else ("numerical",)
        return {name: x for name, x in features.items() if name not in unread}

    @nn.nowrap
    def untrained(self) -> tuple[str, ...]:
        return self.read


def _column(x: Array, column: int, width: int) -> Array:
    return x[:, column * width : (column + 1) * width]
