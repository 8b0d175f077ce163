"""Neural matrix factorisation."""

from collections.abc import Mapping

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.mlp import MLP
from mtlx.models.recommendation.base import RecommendationModel
from mtlx.models.recommendation.matrix_factorisation import one_column_each
from mtlx.types import Array, Float


class NeuMF(RecommendationModel):
    """y_k = tower_k([p_u * q_i; MLP([p'_u; q'_i])]), with embeddings of its own each.

    The product of a pair is that of generalised matrix factorisation, and the two are
    fused by the towers; without hidden layers (`tower_widths` ()) by the paper's h^T.
    It scores pairs and has no vectors to search by: there are no retrieval tasks.

    Args:
        mlp_widths: layers of the MLP.
        query, item, read: see `RecommendationModel`; one column each.
        tasks, outputs, encoder, tower_widths: see `MultiTaskModel`.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Raises:
        ValueError: a side that is not one categorical column.

    Reference: He et al., "Neural collaborative filtering", WWW 2017, section 3.4;
    without its pre-training of the two parts (`trainer.warm_start` can bring one).
    """

    mlp_widths: tuple[int, ...] = (64, 32, 16)
    tower_widths: tuple[int, ...] = ()

    def __post_init__(self):
        super().__post_init__()
        one_column_each(self)

    @nn.nowrap
    def represent(
        self, features: Mapping[str, Array], train: bool
    ) -> dict[str, Float[Array, "batch units"]]:
        query, item = self.encode_sides(features, train)
        pair = self.encode_sides(features, train, "mlp_encoder")
        mlp = MLP(widths=self.mlp_widths, name="mlp", **self.settings())
        deep = mlp(jnp.concatenate(pair, axis=1), train=train)
        hidden = jnp.concatenate([query * item, deep.astype(jnp.float32)], axis=1)
        return dict.fromkeys(self.tasks, self.probe("representation", hidden))

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        last = ("mlp", f"dense_{len(self.mlp_widths) - 1}")
        return (("encoder",), last if self.mlp_widths else ("mlp_encoder",))

    @nn.nowrap
    def check_kinds(self, kinds: tuple[str, ...]) -> None:
        super().check_kinds(kinds)
        if "retrieval" in kinds:
            raise ValueError(
                "NeuMF: expected tasks that score a pair, found a retrieval task. "
                "Choose model=recommendation/two_tower, or leave it out."
            )
