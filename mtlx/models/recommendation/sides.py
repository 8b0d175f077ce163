"""What of a row is the query and what is the item."""

from typing import NamedTuple

from mtlx.types import Field, Schema

Names = tuple[str, ...] | None


class Sides(NamedTuple):
    """Numbers of the categorical columns, and fields, of the query and of the item."""

    query_columns: tuple[int, ...]
    query_fields: tuple[Field, ...]
    item_columns: tuple[int, ...]
    item_fields: tuple[Field, ...]
    numerical: bool  # whether the numeric columns are read: with the query


def find_sides(
    owner: str, schema: Schema, query: Names, item: Names, optional: bool = False
) -> Sides:
    """The inputs by their names.

    Args:
        owner: the architecture, for the error message.
        schema: the features.
        query: names of columns and fields; None: all that are not the item's, and the
            numeric columns.
        item: likewise; None: `Schema.item`. The first is a column, whose ids number the
            catalogue.
        optional: whether there may be no item.

    Raises:
        ValueError: a side without inputs, a name that is none, or one on both sides.
    """
    known = (*schema.names, *(field.name for field in schema.fields))
    item = schema.item if item is None else item
    chosen = tuple(n for n in known if n not in item) if query is None else query
    if item or not optional:
        _check(owner, "item", item, known)
    _check(owner, "query", chosen, known, schema.numericals and query is None)
    if set(item) & set(chosen):
        raise ValueError(
            f"{owner}: expected query and item to share no input, found "
            f"{sorted(set(item) & set(chosen))} in both."
        )
    if item and item[0] not in schema.names:
        raise ValueError(
            f"{owner}: expected item to begin with the categorical column that numbers "
            f"the items, one of {list(schema.names)}, found {item[0]!r}."
        )
    return Sides(
        *_inputs(schema, chosen),
        *_inputs(schema, item),
        numerical=query is None and bool(schema.numericals),
    )


def _check(
    owner: str, side: str, names: tuple[str, ...], known: tuple[str, ...], others=False
) -> None:
    strange = [name for name in names if name not in known]
    if strange or not (names or others):
        raise ValueError(
            f"{owner}: expected {side} to name columns and fields of {list(known)}, "
            f"found {list(strange or names)}; set model.{side}."
        )


def _inputs(
    schema: Schema, names: tuple[str, ...]
) -> tuple[tuple[int, ...], tuple[Field, ...]]:
    columns = tuple(schema.names.index(n) for n in names if n in schema.names)
    return columns, tuple(field for field in schema.fields if field.name in names)
