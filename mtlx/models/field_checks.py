"""What is wrong with the fields of a schema, said before anything compiles."""

from collections.abc import Callable, Mapping

from mtlx.models.field import KINDS, LOOKED_UP
from mtlx.types import Array, Field

# What a field cannot be called: other inputs of a batch, parameters of the encoder.
TAKEN = ("categorical", "numerical", "embedding", "slope", "offset", "numeric")


def check_fields(
    fields: tuple[Field, ...],
    names: tuple[str, ...],
    cardinalities: tuple[int, ...],
    factories: Mapping[str, Callable | None],
) -> None:
    """Holds the fields against the columns that they share and the encoders there are.

    Args:
        fields: of the schema.
        names, cardinalities: of the categorical columns.
        factories: kind of field -> what makes its encoder.

    Raises:
        ValueError: a name that is taken, an unknown kind, no encoder for a kind, not
            one size a column, or a shared column that is absent or of another size.
    """
    called = [field.name for field in fields]
    for field in fields:
        if field.name in TAKEN or called.count(field.name) > 1:
            raise ValueError(
                f"FeatureEncoder: expected fields with names of their own, found "
                f"{called}; {', '.join(TAKEN)} are taken. Rename {field.name!r}."
            )
        if field.kind not in KINDS:
            raise ValueError(
                f"Field {field.name!r}: expected kind to be one of {KINDS}, found "
                f"{field.kind!r}. Graphs have encoders of their own: "
                f"encoder=graph/mpnn."
            )
        if field.kind != "vector" and factories[field.kind] is None:
            raise ValueError(
                f"FeatureEncoder: expected an encoder for {field.name!r}, a field of "
                f"kind {field.kind!r}, found none; set encoder.{field.kind}."
            )
        if field.kind in LOOKED_UP:
            _check_sizes(field)
            _check_shared(field, dict(zip(names, cardinalities, strict=False)))


def check_features(
    features: Mapping[str, Array],
    cardinalities: tuple[int, ...],
    fields: tuple[Field, ...],
) -> None:
    """Holds the features of a batch against what the encoder was made for.

    Raises:
        ValueError: another number of categorical columns, a field that is absent or of
            another shape, or nothing to encode.
    """
    ids, numerical = features.get("categorical"), features.get("numerical")
    found = 0 if ids is None else ids.shape[-1]
    if found != len(cardinalities):
        raise ValueError(
            f"FeatureEncoder: expected {len(cardinalities)} categorical columns, one "
            f"for each of cardinalities, found {found}; pass the cardinalities of the "
            f"data set's schema."
        )
    if not (found or fields) and (numerical is None or not numerical.shape[-1]):
        raise ValueError(
            'FeatureEncoder: expected "categorical" or "numerical" columns or fields, '
            "found neither; a row needs at least one feature."
        )
    for field in fields:
        shape = features[field.name].shape[1:] if field.name in features else None
        if shape != field.shape:
            raise ValueError(
                f"FeatureEncoder: expected features[{field.name!r}] of shape [B, "
                f"*{field.shape}], found {shape and ('B', *shape)}; mend the field of "
                f"the data set's schema, or its batches."
            )


def _check_sizes(field: Field) -> None:
    columns = field.shape[1] if len(field.shape) == 2 else 1
    shared = len(field.shared) in (0, columns)
    if len(field.shape) not in (1, 2) or len(field.sizes) != columns or not shared:
        raise ValueError(
            f"Field {field.name!r}: expected shape (L,) or (L, C), with one entry of "
            f"sizes, and of shared if there are any, for each of C columns, found "
            f"shape={field.shape}, sizes={field.sizes} and shared={field.shared}."
        )


def _check_shared(field: Field, sizes: Mapping[str, int]) -> None:
    for name, size in zip(field.shared, field.sizes, strict=False):
        if name is not None and sizes.get(name) != size:
            raise ValueError(
                f"Field {field.name!r}: expected {name!r}, whose table it shares, to "
                f"be a categorical column of {size} ids, found {dict(sizes)}; fit both "
                f"with one vocabulary."
            )
