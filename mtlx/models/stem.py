"""Shared and task-specific embeddings."""

from collections.abc import Mapping

import flax.linen as nn
import jax
import jax.numpy as jnp

from mtlx.models.base import MultiTaskModel
from mtlx.models.experts import Experts
from mtlx.models.gate import Gate, mix
from mtlx.types import Array, Float


class STEM(MultiTaskModel):
    """y_k = tower_k(g_k [E_k(x_k); E_s(x_s); sg(E_j(x_j)), j != k]), sg: no gradient.

    Every task has an embedding x_k and experts E_k of its own beside the shared x_s and
    E_s; g_k = softmax(W_k (x_k + x_s)) selects among ALL experts. Forward, a task reads
    the other tasks' experts; backward it does not touch them: embeddings that two tasks
    pull apart stay apart, and stay each task's own.

    Args:
        num_task_experts: number of experts in the group E_k of each task.
        num_shared_experts: number of experts in the shared group E_s.
        expert_widths: layers of each expert.
        gate_widths: hidden layers of every gate.
        tasks, outputs, encoder, tower_widths, schema: see `MultiTaskModel`; there is
            an encoder for each task and a shared one.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Raises:
        ValueError: a group without experts.

    Reference:
        Su et al., "STEM: Unleashing the Power of Embeddings for Multi-task
        Recommendation", AAAI 2024 (STEM-Net with one layer of experts).
        Numeric columns, which have no embedding, enter the gate as x_k + x_s too.
    """

    num_task_experts: int = 1
    num_shared_experts: int = 1
    expert_widths: tuple[int, ...] = (124,)
    gate_widths: tuple[int, ...] = ()

    def __post_init__(self):
        if min(self.num_task_experts, self.num_shared_experts) < 1:
            raise ValueError(
                f"STEM: expected at least one expert in every group, found "
                f"num_task_experts={self.num_task_experts} and num_shared_experts="
                f"{self.num_shared_experts}; without shared ones use SingleTask."
            )
        super().__post_init__()

    @nn.nowrap
    def represent(
        self, features: Mapping[str, Array], train: bool
    ) -> dict[str, Float[Array, "batch units"]]:
        def group(name, count, x):
            experts = Experts(
                num_experts=count,
                widths=self.expert_widths,
                name=name,
                **self.settings(),
            )
            return experts(x, train=train)

        x_shared = self.encode(features, train, "shared_encoder")
        shared = group("shared_experts", self.num_shared_experts, x_shared)
        shared, x_shared = self.probe("shared", shared), self.probe("input", x_shared)
        inputs, own = {}, {}
        for task in self.tasks:
            inputs[task] = self.encode(features, train, f"encoder_{task}")
            own[task] = group(f"experts_{task}", self.num_task_experts, inputs[task])

        def mixture(task):
            visible = [
                experts if name == task else jax.lax.stop_gradient(experts)
                for name, experts in own.items()
            ]
            experts = jnp.concatenate([*visible, shared], axis=1)
            gate = Gate(
                num_experts=experts.shape[1],
                widths=self.gate_widths,
                name=f"gate_{task}",
                **self.settings(),
            )
            return mix(gate(inputs[task] + x_shared, train=train), experts)

        return {task: mixture(task) for task in self.tasks}

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        last = len(self.expert_widths) - 1
        return tuple(
            ("shared_experts", f"{part}_{last}") for part in ("kernel", "bias")
        )

    @nn.nowrap
    def owners(self) -> dict[tuple[str, ...], str]:
        parts = ("encoder", "experts", "gate", "tower")
        return {(f"{part}_{task}",): task for task in self.tasks for part in parts}
