"""Multi-gate mixture of experts with sparse gates."""

import flax.linen as nn

from mtlx.models.gate import Gate
from mtlx.models.gate_topk import TopKGate
from mtlx.models.mmoe import MMoE
from mtlx.types import Array


class TopKMMoE(MMoE):
    """`MMoE` whose gates are `TopKGate`s: a row of a task reads k experts.

    Args:
        top_k, noisy, importance_weight, load_weight: see `TopKGate`.
        num_experts, expert_widths, gate_widths: see `MMoE`.
        tasks, outputs, encoder, tower_widths: see `MultiTaskModel`.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Raises:
        ValueError: not 1 <= top_k < num_experts.

    Reference:
        Shazeer et al., ICLR 2017 (the gate); Ma et al., KDD 2018 (a gate a task).
    """

    top_k: int = 2
    noisy: bool = True
    importance_weight: float | Array = 0.01
    load_weight: float | Array = 0.01

    def __post_init__(self):
        # The gate's own check, before anything is traced.
        TopKGate(num_experts=self.num_experts, top_k=self.top_k, parent=None)
        super().__post_init__()

    @nn.nowrap
    def make_gate(self, task: str) -> Gate:
        return TopKGate(
            num_experts=self.num_experts,
            widths=self.gate_widths,
            top_k=self.top_k,
            noisy=self.noisy,
            importance_weight=self.importance_weight,
            load_weight=self.load_weight,
            name=f"gate_{task}",
            **self.settings(),
        )
