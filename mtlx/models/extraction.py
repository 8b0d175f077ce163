"""One level of task experts, shared experts and gates: the brick of CGC and PLE."""

from collections.abc import Mapping

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.experts import Experts
from mtlx.models.gate import Gate, mix
from mtlx.models.layer import Layer
from mtlx.types import Array, Float

Outputs = tuple[
    dict[str, Float[Array, "batch units"]], Float[Array, "batch units"] | None
]


class Extraction(Layer):
    """g_k = w_k(x_k) [E_k(x_k); E_s(x_s)], and g_s = w_s(x_s) [E_1(x_1); ..; E_s(x_s)].

    Every group of experts (one a task, one shared) is one stacked computation with
    parameters of its own, so that what belongs to one task is a leaf of its own.

    Args:
        tasks: names of the tasks.
        num_task_experts: number of experts in the group E_k of each task.
        num_shared_experts: number of experts in the shared group E_s.
        expert_widths: layers of each expert.
        gate_widths: hidden layers of every gate; () is the paper's linear gate.
        shared_gate: whether there is a shared gate w_s, over ALL experts.
        probed: which shared values the tasks' own gates read here, of "gate_inputs",
            "experts" and "shared_experts": see `Layer.probe`.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Returns:
        ({task: g_k [B, units]}, g_s [B, units] or None without a shared gate), of the
        inputs {task: x_k [B, D]} and x_s [B, D].

    Reference:
        Tang et al., "Progressive Layered Extraction (PLE)", RecSys 2020, equations 2
        to 4 and 6.
    """

    tasks: tuple[str, ...]
    num_task_experts: int
    num_shared_experts: int
    expert_widths: tuple[int, ...]
    gate_widths: tuple[int, ...] = ()
    shared_gate: bool = False
    probed: tuple[str, ...] = ()

    @nn.compact
    def __call__(
        self,
        inputs: Mapping[str, Float[Array, "batch inputs"]],
        shared_input: Float[Array, "batch inputs"],
        *,
        train: bool = False,
    ) -> Outputs:
        def group(name, count, x):
            experts = Experts(
                num_experts=count,
                widths=self.expert_widths,
                name=name,
                **self.settings(),
            )
            return experts(x, train=train)

        def select(name, x, *groups):
            experts = jnp.concatenate(groups, axis=1)
            gate = Gate(
                num_experts=experts.shape[1],
                widths=self.gate_widths,
                name=name,
                **self.settings(),
            )
            return mix(gate(x, train=train), experts)

        own = {
            task: group(f"experts_{task}", self.num_task_experts, inputs[task])
            for task in self.tasks
        }
        shared = group("shared_experts", self.num_shared_experts, shared_input)

        def seen(kind, name, value):
            return self.probe(name, value) if kind in self.probed else value

        read = seen("shared_experts", "shared", shared)
        outputs = {
            task: select(
                f"gate_{task}",
                seen("gate_inputs", f"input_{task}", inputs[task]),
                seen("experts", f"own_{task}", own[task]),
                read,
            )
            for task in self.tasks
        }
        if not self.shared_gate:
            return outputs, None
        return outputs, select("shared_gate", shared_input, *own.values(), shared)
