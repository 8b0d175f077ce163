"""Soft parameter sharing."""

import itertools
from collections.abc import Mapping

import flax.linen as nn
import jax
import jax.numpy as jnp

from mtlx.models.base import MultiTaskModel
from mtlx.models.mlp import MLP
from mtlx.types import Array, Float


class L2Constrained(MultiTaskModel):
    """y_k = tower_k(f(x; theta_k)), the theta_k of all tasks drawn to each other.

    The penalty is alpha sum_{j<k} |theta_j - theta_k|^2.
    There is one bottom a task, all of one form. The encoder is shared; the
    bottoms are their tasks' own, and meet in the penalty alone.

    Args:
        bottom_widths: layers of each bottom; at least one.
        constraint: alpha.
        tasks, outputs, encoder, tower_widths: see `MultiTaskModel`.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Raises:
        ValueError: bottoms without layers.

    Reference:
        The baseline L2-Constrained of Ma et al., KDD 2018, section 6, after Duong et
        al., "Low Resource Dependency Parsing: Cross-lingual Parameter Sharing in a
        Neural Network Parser", ACL 2015; there for two tasks. The towers, which may
        have other outputs, are not constrained.
    """

    bottom_widths: tuple[int, ...] = (160,)
    constraint: float | Array = 0.001

    def __post_init__(self):
        if not self.bottom_widths:
            raise ValueError(
                "L2Constrained: expected bottom_widths with at least one layer to "
                "constrain, found (); for towers on the encoder use SharedBottom."
            )
        super().__post_init__()

    @nn.nowrap
    def represent(
        self, features: Mapping[str, Array], train: bool
    ) -> dict[str, Float[Array, "batch units"]]:
        x = self.probe("input", self.encode(features, train))
        bottoms = {
            task: MLP(
                widths=self.bottom_widths, name=f"bottom_{task}", **self.settings()
            )
            for task in self.tasks
        }
        hidden = {task: bottoms[task](x, train=train) for task in self.tasks}
        thetas = [bottom.variables["params"] for bottom in bottoms.values()]
        for one, other in itertools.combinations(thetas, 2):
            squares = jax.tree.map(lambda a, b: jnp.sum((a - b) ** 2), one, other)
            distance = sum(jax.tree.leaves(squares))
            self.penalise("distance", self.constraint * distance)
        return hidden

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        return (("encoder",),)

    @nn.nowrap
    def owners(self) -> dict[tuple[str, ...], str]:
        parts = ("bottom", "tower")
        return {(f"{part}_{task}",): task for task in self.tasks for part in parts}
