"""One input beside the columns: its own table, its encoder, its token."""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.offset_table import OffsetTable
from mtlx.types import Array, Bool, Field, Float, Int

# What a field's encoder reads: ids that were looked up, pixels, or nothing at all.
LOOKED_UP = ("bag", "sequence", "text")
KINDS = (*LOOKED_UP, "image", "vector")


class FieldEncoder(nn.Module):
    """encoder(vectors, mask, query), encoder(images), or the vector as it is.

    Position l of a sequence of C columns is [v_1(id_l1); ..; v_C(id_lC)]. A column that
    `field.shared` names is read elsewhere, from the table of that categorical column,
    and comes as `shared`; the others have a table of their own here, one for all of
    them. The query is the candidate's own vector in the same places, zero in those of
    columns that are not shared.

    Args:
        field: what is encoded.
        encoder: makes the module, called as `encoder(name=...)`; None for a vector.
        embedding_dim: width D of the vector of an id, and of the token.
        row_multiple: see `FeatureEncoder`.
        token: whether the output is one token.

    Returns:
        float32 [B, D'] of what the encoder makes, or with `token` W of it, [B, 1, D].
        A position that is padding is a vector of zeros; an id outside its column gives
        NaN.
    """

    field: Field
    encoder: Callable[..., nn.Module] | None = None
    embedding_dim: int = 8
    row_multiple: int = 1
    token: bool = False

    @nn.compact
    def __call__(
        self,
        value: Array,
        shared: Float[Array, "batch length shared width"] | None = None,
        candidate: Float[Array, "batch shared width"] | None = None,
        *,
        train: bool = False,
    ) -> Float[Array, "batch encoded"] | Float[Array, "batch 1 encoded"]:
        if self.field.kind in LOOKED_UP:
            ids = as_columns(value)
            mask = jnp.any(ids >= 0, axis=-1)
            vectors = self._vectors(ids, mask, shared)
            encoder = self.encoder(name="encoder")
            x = encoder(vectors, mask, self._query(candidate), train=train)
        elif self.field.kind == "image":
            encoder = self.encoder(name="encoder")
            x = encoder(value, train=train)
        else:
            x = value
        x = x.astype(jnp.float32)
        return (
            nn.Dense(self.embedding_dim, name="token")(x)[:, None] if self.token else x
        )

    @nn.nowrap
    def _vectors(
        self,
        ids: Int[Array, "batch length columns"],
        mask: Bool[Array, "batch length"],
        shared: Float[Array, "batch length shared width"] | None,
    ) -> Float[Array, "batch length joined"]:
        read = {} if shared is None else _by_column(shared, shared_columns(self.field))
        own = own_columns(self.field)
        if own:
            sizes = tuple(self.field.sizes[column] for column in own)
            table = OffsetTable(sizes, self.embedding_dim, self.row_multiple)
            places = table.place(ids[:, :, jnp.array(own)])
            read |= _by_column(table.read(self, places), own)
        vectors = jnp.concatenate([read[c] for c in sorted(read)], axis=-1)
        # A choice and no product: the row that padding reads is NaN.
        return jnp.where(mask[..., None], vectors, 0.0)

    @nn.nowrap
    def _query(
        self, candidate: Float[Array, "batch shared width"] | None
    ) -> Float[Array, "batch joined"] | None:
        if candidate is None:
            return None
        zero = jnp.zeros_like(candidate[:, 0])
        read = dict.fromkeys(own_columns(self.field), zero)
        read |= _by_column(candidate, shared_columns(self.field))
        return jnp.concatenate([read[c] for c in sorted(read)], axis=-1)


def as_columns(ids: Int[Array, "batch ..."]) -> Int[Array, "batch length columns"]:
    """Ids [B, L] as those of one column."""
    return ids[..., None] if ids.ndim == 2 else ids


def shared_columns(field: Field) -> tuple[int, ...]:
    """The columns of a field that read a categorical column's table."""
    return tuple(c for c, name in enumerate(field.shared) if name is not None)


def own_columns(field: Field) -> tuple[int, ...]:
    """The columns of a field that read its own table."""
    shared = shared_columns(field)
    return tuple(c for c in range(len(field.sizes)) if c not in shared)


def _by_column(vectors: Array, columns: tuple[int, ...]) -> dict[int, Array]:
    return {c: vectors[..., place, :] for place, c in enumerate(columns)}
