"""Adaptive task-to-task fusion."""

from collections.abc import Callable, Mapping

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from mtlx.models.base import MultiTaskModel
from mtlx.models.experts import Experts
from mtlx.models.gate import Gate, mix
from mtlx.models.gates import Gates
from mtlx.types import Array, Float


class AdaTTSp(MultiTaskModel):
    """y_k = tower_k(h_k^L): experts of each task, read by every task, and a residual.

    With h_k^0 = x, E_g the experts of group g and G = T groups,

        h_k^l = softmax(W_k^l h_k^{l-1}) [E_1^l(h_1^{l-1}); ..; E_G^l(h_G^{l-1})]
                + sum_{e in group k} v_ke^l E_ke^l(h_k^{l-1})

    Every expert influences every task; the gates and v of the last level alone are a
    task's own.

    Args:
        num_task_experts: number of experts of each task, on each level.
        expert_widths: units of the experts, one number a level.
        gate_widths: hidden layers of every gate; () is the paper's linear gate.
        tasks, outputs, encoder, tower_widths: see `MultiTaskModel`.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Raises:
        ValueError: no level, or a group without experts.

    Reference:
        Li et al., "AdaTT: Adaptive Task-to-Task Fusion Network for Multitask Learning
        in Recommendations", KDD 2023 (AdaTT-sp). As in the published code v is 1 if no
        group has more than one expert, and otherwise starts from U(-1/sqrt(n),
        1/sqrt(n)) with n experts in the group.
    """

    num_task_experts: int = 2
    expert_widths: tuple[int, ...] = (72, 48)
    gate_widths: tuple[int, ...] = ()

    def __post_init__(self):
        super().__post_init__()
        if not self.expert_widths or min(self.groups()) < 1:
            raise ValueError(
                f"{type(self).__name__}: expected a level and at least one expert in "
                f"every group, found expert_widths={self.expert_widths} and groups of "
                f"{sorted(set(self.groups()))} experts."
            )

    @nn.nowrap
    def groups(self) -> tuple[int, ...]:
        """Number of experts of each group: first the tasks', in their order."""
        return (self.num_task_experts,) * len(self.tasks)

    @nn.nowrap
    def represent(
        self, features: Mapping[str, Array], train: bool
    ) -> dict[str, Float[Array, "batch units"]]:
        x, settings = self.encode(features, train), self.settings()
        counts = self.groups()
        group = np.repeat(np.arange(len(counts)), counts)
        member = group[None] == np.arange(len(counts))[:, None]
        levels = len(self.expert_widths)
        for level, width in enumerate(self.expert_widths):
            experts = Experts(
                num_experts=len(group),
                widths=(width,),
                name=f"experts_{level}",
                **settings,
            )
            outputs = experts(x[:, group] if level else x, train=train)
            if level == levels - 1:
                break
            gates = Gates(
                num_gates=len(counts),
                num_experts=len(group),
                widths=self.gate_widths,
                name=f"gates_{level}",
                **settings,
            )
            residual = self._residual(f"residual_{level}", group)
            weights = gates(x, train=train) + (member * residual[None])[None]
            x = mix(weights, outputs)
        x = self.probe("gate_inputs", x)
        outputs = self.probe("expert_outputs", outputs)

        def fuse(index, task):
            gate = Gate(
                num_experts=len(group),
                widths=self.gate_widths,
                name=f"gate_{task}",
                **settings,
            )
            weights = gate(x[:, index] if levels > 1 else x, train=train)
            own = group[group == index]
            residual = self._residual(f"own_{task}", own)
            first = int(np.argmax(member[index]))
            return mix(weights.at[:, first : first + len(own)].add(residual), outputs)

        return {task: fuse(index, task) for index, task in enumerate(self.tasks)}

    @nn.nowrap
    def _residual(self, name: str, group: np.ndarray) -> Float[Array, "experts"]:
        """v: the weight of each of these experts in its own group."""
        if max(self.groups()) == 1:
            return jnp.ones(len(group))
        return self.param(name, _uniform(np.bincount(group)[group]), (len(group),))

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        return ((f"experts_{len(self.expert_widths) - 1}",),)

    @nn.nowrap
    def owners(self) -> dict[tuple[str, ...], str]:
        parts = ("gate", "own", "tower")
        return {(f"{part}_{task}",): task for task in self.tasks for part in parts}


def _uniform(sizes: np.ndarray) -> Callable[..., Array]:
    """U(-1/sqrt(n), 1/sqrt(n)), n the size of the group that the entry is in."""

    def init(key, shape, dtype=jnp.float32):
        return jax.random.uniform(key, shape, dtype, -1.0, 1.0) / np.sqrt(sizes)

    return init
