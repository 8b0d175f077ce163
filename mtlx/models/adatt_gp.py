"""Adaptive task-to-task fusion with shared experts."""

import flax.linen as nn

from mtlx.models.adatt import AdaTTSp


class AdaTTGp(AdaTTSp):
    """`AdaTTSp` with a further, shared group of experts: G = T + 1.

    On every level but the last the shared group has a gate and a residual like a
    task's; on the last its experts are there for the tasks to read.

    Args:
        num_shared_experts: number of experts of the shared group, on each level.
        num_task_experts, expert_widths, gate_widths: see `AdaTTSp`.
        tasks, outputs, encoder, tower_widths: see `MultiTaskModel`.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Raises:
        ValueError: no level, or a group without experts.

    Reference:
        Li et al., "AdaTT: Adaptive Task-to-Task Fusion Network for Multitask Learning
        in Recommendations", KDD 2023 (the general-purpose AdaTT).
    """

    num_shared_experts: int = 1
    num_task_experts: int = 2
    expert_widths: tuple[int, ...] = (60, 48)

    @nn.nowrap
    def groups(self) -> tuple[int, ...]:
        return (*super().groups(), self.num_shared_experts)
