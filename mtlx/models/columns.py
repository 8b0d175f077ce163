"""Single categorical columns, for the models that read some by their name."""

from collections.abc import Mapping

from mtlx.types import Array, Int, Schema

Column = str | int


def domain_column(owner: str, schema: Schema, domain: Column | None) -> int:
    """Which column says what domain a row is of: `domain`, or the schema's own.

    Args:
        owner: the architecture, for the error message.
        schema: the features.
        domain: name or number of a categorical column; None: `schema.domain`.

    Raises:
        ValueError: neither says one, or there is no such column.
    """
    if domain is None and schema.domain is None:
        raise ValueError(
            f"{owner}: expected a categorical column that is the domain of a row, "
            f"found none declared; set model.domain to one of {_choices(schema)}."
        )
    return find_column(
        owner, "domain", schema, schema.domain if domain is None else domain
    )


def personal_columns(
    owner: str, schema: Schema, personal: tuple[Column, ...] | None
) -> tuple[int, ...]:
    """Which columns say whom and what a row is about: `personal`, or the schema's own.

    Args:
        owner: the architecture, for the error message.
        schema: the features.
        personal: names or numbers of categorical columns; None: `schema.personal`.

    Raises:
        ValueError: neither says any, or there is no such column.
    """
    chosen = schema.personal if personal is None else personal
    if not chosen:
        raise ValueError(
            f"{owner}: expected categorical columns that personalise a row (user, "
            f"item, author), found none; choose model.personal from {_choices(schema)}."
        )
    return tuple(find_column(owner, "personal", schema, column) for column in chosen)


def ids_of(features: Mapping[str, Array], column: int) -> Int[Array, "batch"]:
    """The ids of one categorical column."""
    return features["categorical"][:, column]


def _choices(schema: Schema) -> list[Column]:
    return list(schema.names or range(len(schema.cardinalities)))


def find_column(owner: str, field: str, schema: Schema, column: Column) -> int:
    """The number of the column that `field`, an argument of the model, names.

    Args:
        owner, field: the architecture and its argument, for the error message.
        schema: the features.
        column: name or number of a categorical column.

    Raises:
        ValueError: there is no such column.
    """
    if isinstance(column, int) and 0 <= column < len(schema.cardinalities):
        return column
    if column in schema.names:
        return schema.names.index(column)
    raise ValueError(
        f"{owner}: expected {field} to name a categorical column, found {column!r}; "
        f"set model.{field} from {_choices(schema)}."
    )
