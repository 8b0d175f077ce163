"""From the columns of a batch to one vector a row."""

from collections.abc import Mapping

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from mtlx.models.lookup import lookup
from mtlx.types import Array, Float, Int

# A fixed scale: an initialiser that counts the rows of the table would make the scale
# of one column depend on the sizes of all the others. Small against the unit variance
# of the numeric columns, so that an id seen twice in training is still close to no
# opinion; not so small that Adam's first steps alone decide the direction.
INIT_STDDEV = 0.05


class FeatureEncoder(nn.Module):
    """x = [table[offset_1 + id_1]; ..; table[offset_F + id_F]; numerical].

    All categorical columns share ONE table [sum(cardinalities), D], column f beginning
    at row offset_f = sum of the cardinalities before it: one gather a batch, however
    many columns. The table is float32.

    An id outside its own column's range gives NaN, never a row of another column: it is
    the data pipeline's place to map unknown values to id 0.

    Args:
        cardinalities: number of ids of each categorical column; () for none.
        embedding_dim: width D of each column's vector.
        row_multiple: the table gets rows that no id reads, up to a multiple of this, so
            that it can be cut over as many devices.
        tokens: whether the columns stay apart: then a numeric column n, too, becomes a
            vector, numerical_n v_n + c_n, with v and c [N, D] trainable.

    Returns:
        float32 [B, F * D + N], or [B, F + N, D] of tokens, of features "categorical"
        [B, F] int32 and "numerical" [B, N]. Either may be absent or have no columns;
        other entries are ignored.

    Raises:
        ValueError: the number of categorical columns is not len(cardinalities), or
            there is nothing to encode.

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

    @nn.compact
    def __call__(
        self, features: Mapping[str, Array]
    ) -> Float[Array, "batch width"] | Float[Array, "batch tokens width"]:
        ids, numerical = features.get("categorical"), features.get("numerical")
        self._check(ids, numerical)
        parts = []
        if self.cardinalities:
            parts.append(self._embed(ids))
        if numerical is not None:
            numerical = numerical.astype(jnp.float32)
            parts.append(self._lift(numerical) if self.tokens else numerical)
        return jnp.concatenate(parts, axis=1)

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
        self, ids: Int[Array, "batch fields"]
    ) -> Float[Array, "batch width"] | Float[Array, "batch fields width"]:
        sizes = np.asarray(self.cardinalities, np.int32)
        rows = -(-int(sizes.sum()) // self.row_multiple) * self.row_multiple
        offsets = np.cumsum(sizes) - sizes
        known = (ids >= 0) & (ids < sizes[None])
        vectors = lookup(
            self,
            "embedding",
            nn.initializers.normal(INIT_STDDEV),
            (rows, self.embedding_dim),
            jnp.where(known, ids + offsets[None], rows),
        )
        return vectors if self.tokens else vectors.reshape(len(ids), -1)

    @nn.nowrap
    def _check(self, ids: Array | None, numerical: Array | None) -> None:
        found = 0 if ids is None else ids.shape[-1]
        if found != len(self.cardinalities):
            raise ValueError(
                f"FeatureEncoder: expected {len(self.cardinalities)} categorical "
                f"columns, one for each of cardinalities, found {found}; pass the "
                f"cardinalities of the data set's schema."
            )
        if not found and (numerical is None or not numerical.shape[-1]):
            raise ValueError(
                'FeatureEncoder: expected "categorical" or "numerical" columns, found '
                "neither; a row needs at least one feature."
            )
