"""Multi-level mixture of experts."""

import flax.linen as nn

from mtlx.models.experts import Experts
from mtlx.models.gate import mix
from mtlx.models.gates import Gates
from mtlx.models.mmoe import MMoE
from mtlx.types import Array, Float


class MLMMoE(MMoE):
    """`MMoE` on experts that are stacked in levels, each behind a gate of its own.

    With E^l_e expert e of level l, which is one layer,

        u^1 = x,   u^{l+1}_e = sum_i g^l_e(x)_i E^l_i(u^l_i)
        y_k = tower_k(sum_i g_k(x)_i E^L_i(u^L_i))

    Every gate reads x. No expert and no gate below the last level is a task's own.

    Args:
        num_experts: number of experts on each level.
        expert_widths: units of the experts, one number a level; one level is `MMoE`
            with experts of one layer.
        gate_widths: hidden layers of every gate; () is the linear gate.
        tasks, outputs, encoder, tower_widths: see `MultiTaskModel`.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Reference:
        The baseline ML-MMoE of Tang et al., "Progressive Layered Extraction (PLE)",
        RecSys 2020, in the form of Li et al., "AdaTT", KDD 2023, whose
        published code has a gate for each expert of the next level. Here the experts of
        a level have one layer, so that a level is a width.
    """

    num_experts: int = 6
    expert_widths: tuple[int, ...] = (64, 48)

    @nn.nowrap
    def run_experts(
        self, x: Float[Array, "batch inputs"], train: bool
    ) -> Float[Array, "batch experts units"]:
        count, settings = self.num_experts, self.settings()
        inputs = x
        for level, width in enumerate(self.expert_widths):
            experts = Experts(
                num_experts=count, widths=(width,), name=f"experts_{level}", **settings
            )
            outputs = experts(inputs, train=train)
            if level < len(self.expert_widths) - 1:
                gates = Gates(
                    num_gates=count,
                    num_experts=count,
                    widths=self.gate_widths,
                    name=f"gates_{level}",
                    **settings,
                )
                inputs = mix(gates(x, train=train), outputs)
        return outputs

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        return ((f"experts_{len(self.expert_widths) - 1}",),)
