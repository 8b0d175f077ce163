"""Progressive layered extraction."""

from collections.abc import Mapping

import flax.linen as nn

from mtlx.models.cgc import CGC
from mtlx.types import Array, Float


class PLE(CGC):
    """A stack of `CGC` levels with a shared gate on every level but the last.

    With g_k^0 = g_s^0 = x and the experts of level j reading the outputs of level j-1,

        g_k^j = w_k^j(g_k^{j-1}) [E_k^j(g_k^{j-1}); E_s^j(g_s^{j-1})]
        g_s^j = w_s^j(g_s^{j-1}) [E_1^j(g_1^{j-1}); ..; E_s^j(g_s^{j-1})]

    and y_k = tower_k(g_k^J). Through g_s the task experts of all levels but the last
    influence every task: only those of the last level are a task's own. The gates w_k
    are its own on the last two levels, since w_k^{J-1} reaches no expert that another
    gate reads.

    Args:
        num_levels: number J of levels; 1 is `CGC`.
        num_task_experts, num_shared_experts, expert_widths, gate_widths: see `CGC`; the
            same on every level.
        tasks, outputs, encoder, tower_widths: see `MultiTaskModel`.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Raises:
        ValueError: no level, or a group without experts.

    Reference:
        Tang et al., "Progressive Layered Extraction (PLE): A Novel Multi-Task Learning
        (MTL) Model for Personalized Recommendations", RecSys 2020, equations 6 and 7.
        The task weights of its joint loss are a matter of the balancer.
    """

    num_levels: int = 2
    expert_widths: tuple[int, ...] = (56,)

    def __post_init__(self):
        if self.num_levels < 1:
            raise ValueError(
                f"PLE: expected num_levels >= 1, found {self.num_levels}; without a "
                f"level of experts use SharedBottom."
            )
        super().__post_init__()

    @nn.nowrap
    def represent(
        self, features: Mapping[str, Array], train: bool
    ) -> dict[str, Float[Array, "batch units"]]:
        shared = self.encode(features, train)
        hidden = dict.fromkeys(self.tasks, shared)
        if self.num_levels == 1:
            hidden = dict.fromkeys(self.tasks, self.probe("input", shared))
        for level in range(self.num_levels):
            probed = {
                self.num_levels - 1: ("shared_experts",),
                self.num_levels - 2: ("gate_inputs", "experts", "shared_experts"),
            }
            extraction = self.extraction(
                level, level < self.num_levels - 1, probed.get(level, ())
            )
            hidden, shared = extraction(hidden, shared, train=train)
        return hidden

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        return self.last_of_level(self.num_levels - 1)

    @nn.nowrap
    def owners(self) -> dict[tuple[str, ...], str]:
        last = self.num_levels - 1
        owners = {(f"tower_{task}",): task for task in self.tasks}
        for task in self.tasks:
            owners[f"level_{last}", f"experts_{task}"] = task
            for level in range(max(last - 1, 0), last + 1):
                owners[f"level_{level}", f"gate_{task}"] = task
        return owners
