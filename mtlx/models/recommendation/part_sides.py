"""Query and item of the rows of one of the data sets that are joined."""

import functools
from collections.abc import Callable, Mapping

import flax.linen as nn

from mtlx.models.joint_encoder import part_features
from mtlx.models.recommendation.side_encoder import encode_query, encode_sides
from mtlx.models.recommendation.sides import Sides
from mtlx.types import Array, Float, Part


class PartSides(nn.Module):
    """q = W_q encoder(query) + b_q and v = W_v encoder(item) + b_v of width D.

    Whatever data set a row is of; the owner of this module keeps what is of its own.

    Args:
        part: the data set.
        sides: its inputs.
        encoder: makes its encoder; called with the cardinalities, names and fields of
            its schema.
        width: D.
        table: whether v is the vectors of all ids of the item's column, as the encoder
            has them.

    Returns:
        q [B, D], and v [B, D] or [I, embedding]; None of a data set without items.
    """

    part: Part
    sides: Sides
    encoder: Callable[..., nn.Module]
    width: int
    table: bool = False

    @nn.compact
    def __call__(
        self, features: Mapping[str, Array], train: bool
    ) -> tuple[Float[Array, "batch width"], Array | None]:
        schema, item = self.part.schema, None
        encoder = functools.partial(
            self.encoder, cardinalities=schema.cardinalities, names=schema.names
        )
        read = (encoder, self.sides, part_features(self.part, features), train)
        if self.table or not self.sides.item_columns:
            module, query = encode_query(*read)
            if self.sides.item_columns:
                item = module.column(self.sides.item_columns[0])
        else:
            query, item = encode_sides(*read)
            item = nn.Dense(self.width, name="item_projection")(item)
        return nn.Dense(self.width, name="projection")(query), item
