"""Customized gate control."""

from collections.abc import Mapping

import flax.linen as nn

from mtlx.models.base import MultiTaskModel
from mtlx.models.extraction import Extraction
from mtlx.types import Array, Float


class CGC(MultiTaskModel):
    """y_k = tower_k(w_k(x) [E_k(x); E_s(x)]), w_k(x) = softmax(W_k x).

    Each task has experts of its own beside the shared ones, and its gate selects among
    these two groups only: no task reads, or trains, another task's experts.

    Args:
        num_task_experts: number of experts in the group E_k of each task.
        num_shared_experts: number of experts in the shared group E_s.
        expert_widths: layers of each expert.
        gate_widths: hidden layers of every gate; () is the paper's linear gate.
        tasks, outputs, encoder, tower_widths: see `MultiTaskModel`.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Raises:
        ValueError: a group without experts.

    Reference:
        Tang et al., "Progressive Layered Extraction (PLE): A Novel Multi-Task Learning
        (MTL) Model for Personalized Recommendations", RecSys 2020, equations 2 to 5.
        The paper lets the number m_k differ from task to task; here it is one number.
    """

    num_task_experts: int = 2
    num_shared_experts: int = 2
    expert_widths: tuple[int, ...] = (64,)
    gate_widths: tuple[int, ...] = ()

    def __post_init__(self):
        if min(self.num_task_experts, self.num_shared_experts) < 1:
            raise ValueError(
                f"{type(self).__name__}: expected at least one expert in every group, "
                f"found num_task_experts={self.num_task_experts} and "
                f"num_shared_experts={self.num_shared_experts}; without task experts "
                f"use MMoE, without shared ones SingleTask."
            )
        super().__post_init__()

    @nn.nowrap
    def extraction(
        self, level: int, shared_gate: bool, probed: tuple[str, ...]
    ) -> Extraction:
        """The module `level_{level}`; to be called from a compact method."""
        return Extraction(
            tasks=self.tasks,
            num_task_experts=self.num_task_experts,
            num_shared_experts=self.num_shared_experts,
            expert_widths=self.expert_widths,
            gate_widths=self.gate_widths,
            shared_gate=shared_gate,
            probed=probed,
            name=f"level_{level}",
            **self.settings(),
        )

    @nn.nowrap
    def represent(
        self, features: Mapping[str, Array], train: bool
    ) -> dict[str, Float[Array, "batch units"]]:
        x = self.encode(features, train)
        inputs = dict.fromkeys(self.tasks, self.probe("input", x))
        extraction = self.extraction(0, shared_gate=False, probed=("shared_experts",))
        return extraction(inputs, x, train=train)[0]

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        return self.last_of_level(0)

    @nn.nowrap
    def last_of_level(self, level: int) -> tuple[tuple[str, ...], ...]:
        """Prefixes of the last layer of the shared experts of a level."""
        experts, last = (
            (f"level_{level}", "shared_experts"),
            len(self.expert_widths) - 1,
        )
        return tuple((*experts, f"{part}_{last}") for part in ("kernel", "bias"))

    @nn.nowrap
    def owners(self) -> dict[tuple[str, ...], str]:
        owners = super().owners()
        for task in self.tasks:
            owners["level_0", f"experts_{task}"] = task
            owners["level_0", f"gate_{task}"] = task
        return owners
