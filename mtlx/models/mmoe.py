"""Multi-gate mixture of experts."""

from collections.abc import Mapping

import flax.linen as nn

from mtlx.models.base import MultiTaskModel
from mtlx.models.experts import Experts
from mtlx.models.gate import Gate, mix
from mtlx.types import Array, Float


class MMoE(MultiTaskModel):
    """y_k = tower_k(sum_e g_k(x)_e E_e(x)), g_k(x) = softmax(W_k x): a gate a task.

    The experts are shared: every one of them influences every task.

    Args:
        num_experts: number of experts E_e.
        expert_widths: layers of each expert.
        gate_widths: hidden layers of every gate; () is the paper's linear gate.
        tasks, outputs, encoder, tower_widths: see `MultiTaskModel`.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Reference:
        Ma et al., "Modeling Task Relationships in Multi-task Learning with Multi-gate
        Mixture-of-Experts", KDD 2018, equations 6 to 8. In its synthetic study (section
        5.1): num_experts=8, expert_widths=(16,), tower_widths=(8,).
    """

    num_experts: int = 8
    expert_widths: tuple[int, ...] = (64,)
    gate_widths: tuple[int, ...] = ()

    @nn.nowrap
    def represent(
        self, features: Mapping[str, Array], train: bool
    ) -> dict[str, Float[Array, "batch units"]]:
        x = self.encode(features, train)
        experts = self.probe("expert_outputs", self.run_experts(x, train))
        x = self.probe("gate_input", x)
        return {
            task: mix(self.make_gate(task)(x, train=train), experts)
            for task in self.tasks
        }

    @nn.nowrap
    def run_experts(
        self, x: Float[Array, "batch inputs"], train: bool
    ) -> Float[Array, "batch experts units"]:
        """What the tasks' gates mix; to be called from a compact method."""
        experts = Experts(
            num_experts=self.num_experts,
            widths=self.expert_widths,
            name="experts",
            **self.settings(),
        )
        return experts(x, train=train)

    @nn.nowrap
    def make_gate(self, task: str) -> Gate:
        """The gate of a task; to be called from a compact method."""
        return Gate(
            num_experts=self.num_experts,
            widths=self.gate_widths,
            name=f"gate_{task}",
            **self.settings(),
        )

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        last = len(self.expert_widths) - 1
        return tuple(("experts", f"{part}_{last}") for part in ("kernel", "bias"))

    @nn.nowrap
    def owners(self) -> dict[tuple[str, ...], str]:
        parts = ("gate", "tower")
        return {(f"{part}_{task}",): task for task in self.tasks for part in parts}
