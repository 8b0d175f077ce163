"""Multi-gate mixture of experts with DSelect-k gates."""

import flax.linen as nn

from mtlx.models.gate import Gate
from mtlx.models.gate_dselect import DSelectGate
from mtlx.models.mmoe import MMoE
from mtlx.types import Array


class DSelectK(MMoE):
    """`MMoE` whose gates are `DSelectGate`s: sparse in the end, smooth all the way.

    Args:
        num_selected, gamma, entropy_weight, per_example: see `DSelectGate`.
        num_experts, expert_widths, gate_widths: see `MMoE`.
        tasks, outputs, encoder, tower_widths: see `MultiTaskModel`.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Raises:
        ValueError: fewer than two experts, or no selector.

    Reference:
        Hazimeh et al., "DSelect-k: Differentiable Selection in the Mixture of Experts
        with Applications to Multi-Task Learning", NeurIPS 2021.
    """

    num_selected: int = 2
    gamma: float = 1.0
    entropy_weight: float | Array = 0.01
    per_example: bool = True

    def __post_init__(self):
        # The gate's own check, before anything is traced.
        DSelectGate(
            num_experts=self.num_experts, num_selected=self.num_selected, parent=None
        )
        super().__post_init__()

    @nn.nowrap
    def make_gate(self, task: str) -> Gate:
        return DSelectGate(
            num_experts=self.num_experts,
            widths=self.gate_widths,
            num_selected=self.num_selected,
            gamma=self.gamma,
            entropy_weight=self.entropy_weight,
            per_example=self.per_example,
            name=f"gate_{task}",
            **self.settings(),
        )
