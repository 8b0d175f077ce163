"""Mixture of experts that the tasks query by attention."""

from collections.abc import Mapping

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.base import MultiTaskModel
from mtlx.models.experts import Experts
from mtlx.models.query import Query
from mtlx.types import Array, Float


class TaskQueryAttention(MultiTaskModel):
    """y_k = tower_k([head_1; ..; head_H]): each task attends to the experts' outputs.

    With shared keys K_e = W_K E_e(x) and values V_e = W_V E_e(x), and a query q_k that
    is a task's own,

        head_h = sum_e softmax_e(q_kh . K_eh / sqrt(d)) V_eh

    Against `MMoE`: the weight of an expert depends on what it says and not on x, and a
    task adds a vector, not a matrix.

    Args:
        num_experts, expert_widths: number and layers of the experts.
        num_heads: number H of heads.
        tasks, outputs, encoder, tower_widths: see `MultiTaskModel`.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Raises:
        ValueError: a last width that num_heads does not divide.

    Reference:
        Scaled dot-product attention: Vaswani et al., "Attention Is All You Need",
        NeurIPS 2017, equation 1, with a learned query as in the Perceiver of Jaegle et
        al., ICML 2021. The use as a gate of tasks is ours.
    """

    num_experts: int = 8
    expert_widths: tuple[int, ...] = (64,)
    num_heads: int = 4

    def __post_init__(self):
        if self.num_heads < 1 or self.expert_widths[-1] % self.num_heads:
            raise ValueError(
                f"TaskQueryAttention: expected num_heads that divides the last of "
                f"expert_widths, found {self.num_heads} and {self.expert_widths}."
            )
        super().__post_init__()

    @nn.nowrap
    def represent(
        self, features: Mapping[str, Array], train: bool
    ) -> dict[str, Float[Array, "batch units"]]:
        x = self.encode(features, train)
        experts = Experts(
            num_experts=self.num_experts,
            widths=self.expert_widths,
            name="experts",
            **self.settings(),
        )(x, train=train)
        units, heads = self.expert_widths[-1], self.num_heads
        keys, values = (
            nn.Dense(units, use_bias=False, dtype=self.dtype, name=name)(experts)
            for name in ("key", "value")
        )
        keys, values = self.probe("keys", keys), self.probe("values", values)
        values = values.reshape(-1, self.num_experts, heads, units // heads)

        def attend(task):
            query = Query(
                num_experts=self.num_experts,
                num_heads=heads,
                name=f"query_{task}",
                **self.settings(),
            )
            weights = query(keys, train=train).astype(values.dtype)
            return jnp.einsum("bhe,behd->bhd", weights, values).reshape(-1, units)

        return {task: attend(task) for task in self.tasks}

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        return (("key",), ("value",))

    @nn.nowrap
    def owners(self) -> dict[tuple[str, ...], str]:
        parts = ("query", "tower")
        return {(f"{part}_{task}",): task for task in self.tasks for part in parts}
