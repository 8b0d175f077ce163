"""From the inputs of a batch to one vector a row."""

from collections.abc import Callable, Mapping

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.encoders.pool import Pool
from mtlx.models.field import FieldEncoder, as_columns, shared_columns
from mtlx.models.field_checks import check_features, check_fields
from mtlx.models.lookup import lookup_again
from mtlx.models.offset_table import INIT_STDDEV, OffsetTable
from mtlx.types import Array, Field, Float, Int

Factory = Callable[..., nn.Module]


class FeatureEncoder(nn.Module):
    """x = [table[offset_1 + id_1]; ..; table[offset_F + id_F]; numerical; e_1 .. e_K].

    All categorical columns share ONE table [sum(cardinalities), D], column f beginning
    at row offset_f = sum of the cardinalities before it: one gather a batch, however
    many columns, the fields that share a column's ids included. The table is float32.
    e_k is what the encoder of field k makes of it (`FieldEncoder`).

    An id outside its own column's range gives NaN, never a row of another column: it is
    the data pipeline's place to map unknown values to id 0.

    Args:
        cardinalities: number of ids of each categorical column; () for none.
        embedding_dim: width D of the vector of an id.
        row_multiple: a table gets rows that no id reads, up to a multiple of this, so
            that it can be cut over as many devices.
        tokens: whether the inputs stay apart: then a numeric column n, too, becomes a
            vector, numerical_n v_n + c_n, with v and c [N, D] trainable, and e_k
            becomes W_k e_k + b_k, of width D.
        names: of the categorical columns, for fields that share one.
        fields: the inputs beside the columns, `Schema.fields`.
        bag, sequence, text, image: make the encoders of the fields of that kind; called
            as `sequence(name=...)`. A field of kind "vector" needs none.
        numeric: makes what turns the numeric columns into vectors [B, N, D], called as
            `numeric(width=D, name=...)`; None leaves them as they are.

    Returns:
        float32 [B, F * D + N + sum of the widths of e_k] (N * D with `numeric`), or
        [B, F + N + K, D] of tokens, of features "categorical" [B, F] int32,
        "numerical" [B, N] and one a field. The first two may be absent or have no
        columns; other entries are ignored.

    Raises:
        ValueError: the number of categorical columns is not len(cardinalities), there
            is nothing to encode, or a field does not fit: see `field_checks`.

    >>> import jax
    >>> encoder = FeatureEncoder(cardinalities=(3, 2), embedding_dim=4)
    >>> row = {"categorical": jnp.array([[2, 1]]), "numerical": jnp.ones((1, 5))}
    >>> x, variables = encoder.init_with_output(jax.random.key(0), row)
    >>> x.shape, variables["params"]["embedding"].shape
    ((1, 13), (5, 4))
    """

    cardinalities: tuple[int, ...] = ()
    embedding_dim: int = 8
    row_multiple: int = 1
    tokens: bool = False
    names: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    bag: Factory | None = Pool
    sequence: Factory | None = Pool
    text: Factory | None = Pool
    image: Factory | None = None
    numeric: Factory | None = None

    def __post_init__(self):
        factories = {
            "bag": self.bag,
            "sequence": self.sequence,
            "text": self.text,
            "image": self.image,
        }
        check_fields(self.fields, self.names, self.cardinalities, factories)
        super().__post_init__()

    @nn.compact
    def __call__(
        self, features: Mapping[str, Array], *, train: bool = False
    ) -> Float[Array, "batch width"] | Float[Array, "batch tokens width"]:
        check_features(features, self.cardinalities, self.fields)
        parts, columns, shared = [], None, {}
        if self.cardinalities:
            columns, shared = self._embed(features)
            rows = columns.shape[0]
            parts.append(columns if self.tokens else columns.reshape(rows, -1))
        numerical = features.get("numerical")
        if numerical is not None:
            parts.append(self._numbers(numerical.astype(jnp.float32), train))
        for field in self.fields:
            candidate = self._candidate(field, columns)
            read = (features[field.name], shared.get(field.name), candidate)
            parts.append(self._encoder(field)(*read, train=train))
        return jnp.concatenate(parts, axis=1)

    def column(self, column: int) -> Float[Array, "ids width"]:
        """The vectors of all ids of one categorical column, after a call."""
        table = OffsetTable(self.cardinalities, self.embedding_dim, self.row_multiple)
        ids = jnp.arange(self.cardinalities[column], dtype=jnp.int32)[:, None]
        places = table.place(ids, [column])[:, 0]
        return lookup_again(self, "embedding", table.rows, places)

    @nn.nowrap
    def _encoder(self, field: Field) -> FieldEncoder:
        return FieldEncoder(
            field=field,
            encoder=None if field.kind == "vector" else getattr(self, field.kind),
            embedding_dim=self.embedding_dim,
            row_multiple=self.row_multiple,
            token=self.tokens,
            name=field.name,
        )

    @nn.nowrap
    def _numbers(
        self, numerical: Float[Array, "batch columns"], train: bool
    ) -> Float[Array, "batch width"] | Float[Array, "batch columns width"]:
        if self.numeric is None or not numerical.shape[1]:
            return self._lift(numerical) if self.tokens else numerical
        encoder = self.numeric(width=self.embedding_dim, name="numeric")
        vectors = encoder(numerical, train=train)
        return vectors if self.tokens else vectors.reshape(vectors.shape[0], -1)

    @nn.nowrap
    def _lift(
        self, numerical: Float[Array, "batch columns"]
    ) -> Float[Array, "batch columns width"]:
        shape, init = (numerical.shape[1], self.embedding_dim), nn.initializers.normal
        slope = self.param("slope", init(INIT_STDDEV), shape, jnp.float32)
        offset = self.param("offset", init(INIT_STDDEV), shape, jnp.float32)
        return numerical[:, :, None] * slope[None] + offset[None]

    @nn.nowrap
    def _embed(
        self, features: Mapping[str, Array]
    ) -> tuple[Float[Array, "batch fields width"], dict[str, Array]]:
        """The vectors of the columns, and of the ids of fields that share some."""
        table = OffsetTable(self.cardinalities, self.embedding_dim, self.row_multiple)
        ids = features["categorical"]
        places, shapes = [table.place(ids)], {}
        for field in self.fields:
            if columns := self._shared(field):
                ids = as_columns(features[field.name])
                ids = ids[:, :, jnp.array(shared_columns(field))]
                shapes[field.name] = ids.shape
                places.append(table.place(ids, columns).reshape(ids.shape[0], -1))
        ends = [sum(p.shape[1] for p in places[: k + 1]) for k in range(len(shapes))]
        first, *rest = self._cut(table, places, ends)
        vectors = zip(shapes.items(), rest, strict=True)
        return first, {
            name: v.reshape(*shape, self.embedding_dim) for (name, shape), v in vectors
        }

    @nn.nowrap
    def _cut(
        self, table: OffsetTable, places: list[Int[Array, "batch _"]], ends: list[int]
    ) -> list[Float[Array, "batch _ width"]]:
        """One gather for all of `places`, cut where each of them ends."""
        if len(places) == 1:
            return [table.read(self, places[0])]
        vectors = table.read(self, jnp.concatenate(places, axis=1))
        return jnp.split(vectors, ends, axis=1)

    @nn.nowrap
    def _shared(self, field: Field) -> list[int]:
        return [self.names.index(name) for name in field.shared if name is not None]

    @nn.nowrap
    def _candidate(
        self, field: Field, columns: Float[Array, "batch fields width"] | None
    ) -> Float[Array, "batch shared width"] | None:
        shared = self._shared(field)
        return columns[:, jnp.array(shared)] if shared else None
