"""One-gate mixture of experts."""

from collections.abc import Mapping

import flax.linen as nn

from mtlx.models.base import MultiTaskModel
from mtlx.models.experts import Experts
from mtlx.models.gate import Gate, mix
from mtlx.types import Array, Float


class OMoE(MultiTaskModel):
    """y_k = tower_k(sum_e g(x)_e E_e(x)): one gate g for all tasks.

    Args:
        num_experts: number of experts E_e.
        expert_widths: layers of each expert.
        gate_widths: hidden layers of the gate; () is the paper's linear gate.
        tasks, outputs, encoder, tower_widths: see `MultiTaskModel`.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Reference:
        Ma et al., "Modeling Task Relationships in Multi-task Learning with Multi-gate
        Mixture-of-Experts", KDD 2018, equation 5 and the end of section 4.2.
    """

    num_experts: int = 8
    expert_widths: tuple[int, ...] = (64,)
    gate_widths: tuple[int, ...] = ()

    @nn.nowrap
    def represent(
        self, features: Mapping[str, Array], train: bool
    ) -> dict[str, Float[Array, "batch units"]]:
        x = self.encode(features, train)
        count, settings = self.num_experts, self.settings()
        experts = Experts(
            num_experts=count, widths=self.expert_widths, name="experts", **settings
        )
        gate = Gate(num_experts=count, widths=self.gate_widths, name="gate", **settings)
        mixture = mix(gate(x, train=train), experts(x, train=train))
        return dict.fromkeys(self.tasks, self.probe("representation", mixture))

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        last = len(self.expert_widths) - 1
        return tuple(("experts", f"{part}_{last}") for part in ("kernel", "bias"))
