"""From the inputs of a row to what an encoder makes of its query and of its item."""

from collections.abc import Callable, Mapping

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.recommendation.sides import Sides
from mtlx.types import Array, Float

Factory = Callable[..., nn.Module]


def encode_sides(
    encoder: Factory,
    sides: Sides,
    features: Mapping[str, Array],
    train: bool,
    name: str = "encoder",
) -> tuple[Float[Array, "batch _"], Float[Array, "batch _"]]:
    """What the encoder makes of the query and of the item of each row.

    One encoder has the tables of all columns, so that a history may read the item's;
    the fields of the item have one of their own, "item_<name>". To be called from a
    compact method, whose submodules they are.

    Args:
        encoder: makes it, e.g. ``partial(FeatureEncoder, ...)``.
        sides: of the inputs; with an item.
        features: of the batch.
        train: whether the encoder drops units.
        name: of the submodule.
    """
    module, query = encode_query(encoder, sides, features, train, name)
    x = module(_read(sides, features), train=train)
    parts = [_column(x, c, module.embedding_dim) for c in sides.item_columns]
    if sides.item_fields:
        alone = {field.name: features[field.name] for field in sides.item_fields}
        own = {"cardinalities": (), "names": (), "fields": sides.item_fields}
        parts.append(encoder(name=f"item_{name}", **own)(alone, train=train))
    return query, jnp.concatenate(parts, axis=1)


def encode_query(
    encoder: Factory,
    sides: Sides,
    features: Mapping[str, Array],
    train: bool,
    name: str = "encoder",
) -> tuple[nn.Module, Float[Array, "batch _"]]:
    """The encoder, and what it makes of the query, the item's columns being 0."""
    module = encoder(name=name, fields=sides.query_fields)
    read, parts, end = _read(sides, features), [], 0
    if "categorical" in read:
        ids = read["categorical"]
        width, end = module.embedding_dim, ids.shape[1] * module.embedding_dim
        if sides.item_columns:
            ids = ids.at[:, jnp.array(sides.item_columns)].set(0)
        x = module(read | {"categorical": ids}, train=train)
        parts = [_column(x, c, width) for c in sides.query_columns]
    else:
        x = module(read, train=train)
    return module, jnp.concatenate([*parts, x[:, end:]], axis=1)


def _read(sides: Sides, features: Mapping[str, Array]) -> dict[str, Array]:
    """The features, without the numeric columns where the query has none."""
    unread = () if sides.numerical else ("numerical",)
    return {name: x for name, x in features.items() if name not in unread}


def _column(x: Array, column: int, width: int) -> Array:
    return x[:, column * width : (column + 1) * width]
