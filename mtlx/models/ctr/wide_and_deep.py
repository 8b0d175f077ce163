"""Wide & deep."""

from collections.abc import Mapping

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.columns import Column, find_column, ids_of
from mtlx.models.ctr.base import CTRModel
from mtlx.models.ctr.crosses import hashed_cross
from mtlx.types import Array, Float


class WideAndDeep(CTRModel):
    """y_k = sum_f w_kf[id_f] + w_k x + sum_c u_kc[cross_c] + tower_k(encoder_k(x)).

    The wide part has a weight for each id, number and combination of ids that `crosses`
    asks for; the deep part is the tower on all inputs, fields (histories, texts)
    included, and has the bias.

    Args:
        crosses: combinations of categorical columns, by name or number; each pair,
            triple, ... of ids has a weight.
        cross_buckets: number of weights of each of `crosses`, into which its
            combinations are hashed.
        tower_widths: layers of the deep part.
        tasks, outputs, encoder: see `MultiTaskModel`.
        schema: which columns there are.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Raises:
        ValueError: a cross of fewer than two columns or of a strange one, or no bucket.

    Reference: Cheng et al., "Wide & deep learning for recommender systems", DLRS 2016,
    equation 3. Departures: one optimizer for both parts, there FTRL with L1 for the
    wide and AdaGrad for the deep one; ids enter the wide part, too, by themselves.
    """

    crosses: tuple[tuple[Column, ...], ...] = ()
    cross_buckets: int = 100_000
    tower_widths: tuple[int, ...] = (160, 32)

    parts = ("linear", "slope", "cross", "encoder", "tower")

    def __post_init__(self):
        super().__post_init__()
        self._columns()
        if self.cross_buckets < 1 or any(len(cross) < 2 for cross in self.crosses):
            raise ValueError(
                f"WideAndDeep: expected crosses of two columns or more and "
                f"cross_buckets >= 1, found {self.crosses} and {self.cross_buckets}. "
                f"Mend model.crosses, e.g. [[user_id, tab]], or model.cross_buckets."
            )

    @nn.nowrap
    def score(
        self, task: str, features: Mapping[str, Array], train: bool
    ) -> Float[Array, "batch"]:
        wide = self.linear(task, features)
        if self.crosses:
            wide = wide + self._crossed(task, features)
        x = self.encode(features, train, f"encoder_{task}")
        return wide + self.towers({task: x}, train)[task]

    @nn.nowrap
    def _crossed(
        self, task: str, features: Mapping[str, Array]
    ) -> Float[Array, "batch"]:
        ids = [
            hashed_cross([ids_of(features, c) for c in columns], self.cross_buckets)
            for columns in self._columns()
        ]
        options = {
            "cardinalities": (self.cross_buckets,) * len(ids),
            "names": (),
            "fields": (),
            "embedding_dim": 1,
        }
        rows = {"categorical": jnp.stack(ids, axis=1)}
        return jnp.sum(self.encode(rows, False, f"cross_{task}", **options), axis=1)

    @nn.nowrap
    def _columns(self) -> list[list[int]]:
        """The numbers of the columns of each cross."""
        return [
            [find_column("WideAndDeep", "crosses", self.schema, c) for c in cross]
            for cross in self.crosses
        ]
