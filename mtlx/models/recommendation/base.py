"""What the models that match queries with items have in common."""

from collections.abc import Mapping
from typing import ClassVar

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.base import MultiTaskModel
from mtlx.models.recommendation.part_sides import PartSides
from mtlx.models.recommendation.side_encoder import encode_query, encode_sides
from mtlx.models.recommendation.sides import Sides, find_sides
from mtlx.types import Array, Float


class RecommendationModel(MultiTaskModel):
    """A row is a query (user, context, history, search) and an item.

    A retrieval task has no tower. Its output is the query vector and the item vector of
    the row, [B, 2, D], whose product is the score; the vectors of a catalogue are what
    the model says of the catalogue's rows. Nothing of the item reaches the query
    vector, target attention (DIN) included: it is computed with the item hidden.

    Of a joint data set (`mtlx.data.joint`) each part has an encoder, and a projection
    to one width of what it makes of the query and of the item; a part may have no item.

    Args:
        query: names of the columns and fields of the query; None: all but the item's,
            numeric columns included. Of a joint data set None.
        item: names of those of the item, the first a column whose ids number the
            catalogue; None: `Schema.item`. Of a joint data set None.
        read: tasks that are scored and not trained.
        tasks, outputs, encoder, tower_widths: see `MultiTaskModel`; 0 outputs of a
            retrieval task.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Raises:
        ValueError: a side without inputs, or with strange ones, or named for a joint
            data set; a task to read that is none, or that leaves none to train; a
            retrieval task whose data set has no item.
    """

    min_outputs: ClassVar[int] = 0

    query: tuple[str, ...] | None = None
    item: tuple[str, ...] | None = None
    read: tuple[str, ...] = ()

    def __post_init__(self):
        super().__post_init__()
        name = type(self).__name__
        self.all_sides()
        if set(self.read) - set(self.tasks) or set(self.tasks) <= set(self.read):
            raise ValueError(
                f"{name}: expected read to name some tasks of {self.tasks}, and to "
                f"leave one to train, found {self.read}."
            )
        if lost := [task for task in self.retrieval() if task in self.itemless()]:
            raise ValueError(
                f"{name}: expected the data set of a retrieval task to name its item "
                f"(Schema.item), found none for {lost}. Wrap it in "
                f"mtlx.data.with_catalogue before it is joined."
            )

    @nn.nowrap
    def all_sides(self) -> tuple[Sides, ...]:
        """Which inputs are of the query and which of the item, of each data set."""
        owner, parts = type(self).__name__, self.schema.parts
        if not parts:
            return (find_sides(owner, self.schema, self.query, self.item),)
        if self.query is not None or self.item is not None:
            raise ValueError(
                f"{owner}: expected query and item to be null for the data sets "
                f"{[part.name for part in parts]}, whose own they are, found "
                f"{self.query} and {self.item}. Choose the inputs in data.datasets."
            )
        return tuple(
            find_sides(f"{owner}, {part.name}", part.schema, None, None, optional=True)
            for part in parts
        )

    @nn.nowrap
    def sides(self) -> Sides:
        """Those of the only data set."""
        return self.all_sides()[0]

    @nn.nowrap
    def retrieval(self) -> tuple[str, ...]:
        """The retrieval tasks."""
        pairs = zip(self.tasks, self.outputs, strict=True)
        return tuple(task for task, outputs in pairs if outputs == 0)

    @nn.nowrap
    def itemless(self) -> tuple[str, ...]:
        """The tasks of data sets that have no item."""
        pairs = zip(self.schema.parts, self.all_sides(), strict=False)
        return tuple(t for p, sides in pairs if not sides.item_columns for t in p.tasks)

    @nn.nowrap
    def encode_sides(
        self, features: Mapping[str, Array], train: bool, name: str = "encoder"
    ) -> tuple[Float[Array, "batch _"], Float[Array, "batch _"]]:
        """What the encoders make of the query and of the item of each row.

        The item of a row whose data set has none is 0.
        """
        if not self.schema.parts:
            return encode_sides(self.encoder, self.sides(), features, train, name)
        query, items = self._encode_parts(features, train, table=False)
        item = jnp.zeros_like(query)
        for place, found in enumerate(items):
            if found is not None:
                item = jnp.where(_rows_of(features, place), found, item)
        return query, item

    @nn.nowrap
    def encode_query_and_tables(
        self, features: Mapping[str, Array], train: bool
    ) -> tuple[Float[Array, "batch _"], tuple[Float[Array, "items width"] | None, ...]]:
        """The query of each row, and of each data set the vectors of all its items."""
        if self.schema.parts:
            return self._encode_parts(features, train, table=True)
        encoder, query = encode_query(self.encoder, self.sides(), features, train)
        return query, (encoder.column(self.sides().item_columns[0]),)

    @nn.nowrap
    def _encode_parts(
        self, features: Mapping[str, Array], train: bool, table: bool
    ) -> tuple[Float[Array, "batch width"], tuple[Array | None, ...]]:
        joint = self.encoder(parent=None)  # for its fields; it encodes nothing here
        query, items = jnp.zeros((len(features["source"]), joint.width)), []
        pairs = zip(self.schema.parts, self.all_sides(), strict=True)
        for place, (part, sides) in enumerate(pairs):
            encode = PartSides(
                *(part, sides, joint.encoder, joint.width),
                table=table,
                name=f"part_{part.name}",
            )
            own, item = encode(features, train)
            query = jnp.where(_rows_of(features, place), own, query)
            items.append(item)
        return query, tuple(items)

    @nn.nowrap
    def encoder_paths(self) -> tuple[tuple[str, ...], ...]:
        """Prefixes of the encoders' parameters."""
        parts = tuple((f"part_{part.name}",) for part in self.schema.parts)
        return parts or (("encoder",),)

    @nn.nowrap
    def untrained(self) -> tuple[str, ...]:
        return self.read


def _rows_of(features: Mapping[str, Array], place: int) -> Array:
    """[B, 1] which rows are of the data set of that number."""
    return (features["source"] == place)[:, None]
