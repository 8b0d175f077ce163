"""Towers that attend to each other."""

from collections.abc import Mapping

import flax.linen as nn

from mtlx.models.base import MultiTaskModel
from mtlx.models.experts import Experts
from mtlx.models.mlp import MLP
from mtlx.models.self_attention import SelfAttention
from mtlx.types import Array, Float


class CrossTaskAttention(MultiTaskModel):
    """y_k = tower_k(s'_k), s' = s + MultiHead(LayerNorm(s)), s_k = MLP_k(bottom(x)).

    One state s_k a task, and self-attention between the T states of a row: what one
    task has made of the row is there for all others. Each state is shared through it.

    Args:
        bottom_widths: layers of the shared bottom; () for none.
        state_widths: layers of each MLP_k; at least one.
        num_heads: number of heads.
        tasks, outputs, encoder, tower_widths: see `MultiTaskModel`.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Raises:
        ValueError: no width of the states, or one that num_heads does not divide.

    Reference:
        Vaswani et al., NeurIPS 2017, for the attention. The attention between a task
        and the one before it in a chain (AITM: Xi et al., "Modeling the Sequential
        Dependence among Audience Multi-step Conversions with Multi-task Learning in
        Targeted Display Advertising", KDD 2021), with all tasks and both directions.
    """

    bottom_widths: tuple[int, ...] = (256,)
    state_widths: tuple[int, ...] = (64,)
    num_heads: int = 4

    def __post_init__(self):
        widths, heads = self.state_widths, self.num_heads
        if not widths or heads < 1 or widths[-1] % heads:
            raise ValueError(
                f"CrossTaskAttention: expected state_widths with a last width that "
                f"num_heads divides, found {widths} and {heads}."
            )
        super().__post_init__()

    @nn.nowrap
    def represent(
        self, features: Mapping[str, Array], train: bool
    ) -> dict[str, Float[Array, "batch units"]]:
        x, settings = self.encode(features, train), self.settings()
        x = MLP(widths=self.bottom_widths, name="bottom", **settings)(x, train=train)
        states = Experts(
            num_experts=len(self.tasks),
            widths=self.state_widths,
            name="states",
            **settings,
        )(x, train=train)
        attend = SelfAttention(num_heads=self.num_heads, name="attend", **settings)
        states = self.probe("attended", attend(states, train=train))
        return {task: states[:, index] for index, task in enumerate(self.tasks)}

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        return (("attend", "attention", "out"),)
