"""Two-tower retrieval, with towers of further tasks on top."""

from collections.abc import Mapping
from typing import ClassVar

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.columns import ids_of
from mtlx.models.joint_encoder import part_features
from mtlx.models.recommendation.base import RecommendationModel
from mtlx.models.recommendation.frequency import StreamingFrequency
from mtlx.models.recommendation.sides import Sides
from mtlx.models.recommendation.vector_tower import VectorTower
from mtlx.types import LOG_Q, Array, Float, Schema

LOG_Q_FORMS = ("none", "counted", "streaming")


class TwoTower(RecommendationModel):
    """s(q, v) = q v / tau for retrieval, y_k = tower_k([q; v]) for every other task.

    q and v are the query tower's and the item tower's vectors. A task that foretells
    the item (`Schema.foretold`), or whose data set has none, reads q alone: y_k =
    tower_k(q). Data sets that are joined share the two towers. While training, the
    logit of a candidate is s(q, v_j) - log Q_j, Q_j the probability that item j is in a
    batch: without it a softmax over the items of the batch makes popular items
    negatives more often than others, and so holds them down.

    Args:
        query_widths, item_widths: layers of the towers, the last linear; () takes the
            encoder's vectors as they are. Both sides end in one width.
        temperature: tau.
        normalise: whether q and v are of length 1 in s; the other tasks' towers read
            them as they are.
        log_q: "counted" in the training split (feature "log_q", that
            `mtlx.data.with_log_q` makes), "streaming", estimated as training goes
            (`StreamingFrequency`), or "none".
        alpha: learning rate of the streaming estimate.
        query, item, read: see `RecommendationModel`.
        tasks, outputs, encoder, tower_widths: see `MultiTaskModel`.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Reference: Yi et al., "Sampling-bias-corrected neural modeling for large corpus item
    recommendations", RecSys 2019. With query_widths = item_widths = (), log_q = "none"
    and a tower of (256, 128) for the rating: the multi-task model of TensorFlow
    Recommenders' tutorial.
    """

    hides_item: ClassVar[bool] = True

    query_widths: tuple[int, ...] = (64, 32)
    item_widths: tuple[int, ...] = (64, 32)
    temperature: float | Array = 1.0
    normalise: bool = False
    log_q: str = "streaming"
    alpha: float = 0.01

    def __post_init__(self):
        if self.log_q not in LOG_Q_FORMS:
            raise ValueError(
                f"TwoTower: expected log_q to be one of {LOG_Q_FORMS}, found "
                f"{self.log_q!r}."
            )
        super().__post_init__()

    @nn.compact
    def __call__(
        self, features: Mapping[str, Array], *, train: bool = False
    ) -> dict[str, Float[Array, "batch ..."]]:
        query, item = self.vectors(features, train)
        query, item = self.probe("query", query), self.probe("item", item)
        both = jnp.concatenate([query, item], axis=1)
        others = [task for task in self.tasks if task not in self.retrieval()]
        blind = {*self.schema.foretold, *self.itemless()}
        inputs = {task: query if task in blind else both for task in others}
        outputs = self.towers(inputs, train)
        if self.retrieval():
            pair = self._pair(query, item, features, train)
            outputs |= dict.fromkeys(self.retrieval(), pair)
        return {task: outputs[task] for task in self.tasks}

    @nn.nowrap
    def vectors(
        self, features: Mapping[str, Array], train: bool
    ) -> tuple[Float[Array, "batch width"], Float[Array, "batch width"]]:
        """(q, v) of each row; to be called from a compact method."""
        query, item = self.encode_sides(features, train)
        options = self.settings()
        query = VectorTower(widths=self.query_widths, name="query_tower", **options)(
            query, train=train
        )
        item = VectorTower(widths=self.item_widths, name="item_tower", **options)(
            item, train=train
        )
        if query.shape != item.shape:
            raise ValueError(
                f"TwoTower: expected query and item vectors of one width, found "
                f"{query.shape[1]} and {item.shape[1]}; mend query_widths and "
                f"item_widths, or query and item where these are ()."
            )
        return query.astype(jnp.float32), item.astype(jnp.float32)

    @nn.nowrap
    def _pair(
        self, query: Array, item: Array, features: Mapping[str, Array], train: bool
    ) -> Float[Array, "batch 2 width"]:
        """[q / tau; 1] and [v; -log Q]: their product is the corrected logit."""
        if self.normalise:
            query, item = _unit(query), _unit(item)
        query = query / self.temperature
        if self.log_q != "none":
            one = jnp.ones((query.shape[0], 1), jnp.float32)
            log_q = self._log_q(features, train)[:, None]
            query = jnp.concatenate([query, one], axis=1)
            item = jnp.concatenate([item, -log_q if train else 0 * log_q], axis=1)
        return jnp.stack([query, item], axis=1)

    @nn.nowrap
    def _log_q(self, features: Mapping[str, Array], train: bool) -> Array:
        parts = self.schema.parts
        if not parts:
            return self._own_log_q(self.schema, self.sides(), features, train)
        log_q = jnp.zeros(len(features["source"]), jnp.float32)
        for place, (part, sides) in enumerate(
            zip(parts, self.all_sides(), strict=True)
        ):
            if sides.item_columns:
                read = part_features(part, features)
                own = self._own_log_q(part.schema, sides, read, train, f"_{part.name}")
                log_q = jnp.where(features["source"] == place, own, log_q)
        return log_q

    @nn.nowrap
    def _own_log_q(
        self,
        schema: Schema,
        sides: Sides,
        features: Mapping[str, Array],
        train: bool,
        suffix: str = "",
    ) -> Array:
        """Of rows of one data set."""
        column = sides.item_columns[0]
        ids = ids_of(features, column)
        if self.log_q == "streaming":
            count, name = schema.cardinalities[column], f"frequency{suffix}"
            return StreamingFrequency(count, self.alpha, name=name)(ids, train)
        if not train:
            return jnp.zeros(ids.shape[0], jnp.float32)
        if LOG_Q not in features:
            raise ValueError(
                f"TwoTower: expected a feature {LOG_Q!r} for log_q='counted', found "
                f"{sorted(features)}. Wrap the data set in mtlx.data.with_log_q, or "
                f"choose model.log_q=streaming."
            )
        return features[LOG_Q]

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        towers = {"query_tower": self.query_widths, "item_tower": self.item_widths}
        if not all(towers.values()):
            return self.encoder_paths()
        return tuple((tower, "output") for tower in towers)


def _unit(x: Float[Array, "batch width"]) -> Float[Array, "batch width"]:
    square = jnp.sum(jnp.square(x), axis=1, keepdims=True)
    return x * jnp.reciprocal(jnp.sqrt(jnp.maximum(square, 1e-12)))
