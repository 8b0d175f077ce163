"""Hybrid experts and critics."""

from collections.abc import Mapping
from typing import ClassVar

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.base import MultiTaskModel
from mtlx.models.critics import Critics
from mtlx.models.experts import Experts
from mtlx.models.gate import Gate, mix
from mtlx.types import Array, Float


class MetaHeac(MultiTaskModel):
    """y_k = sum_c g'(x, t_k)_c critic_c(sum_e g(x, t_k)_e E_e(x)).

    Experts, critics and both gates are shared: a task is an embedding t_k, which the
    gates read, and its own. Its critics are shared with the tasks that have as many
    outputs; where no other has, they are its own too.

    Args:
        num_experts, expert_widths: number and layers of the experts.
        num_critics: number of critics; `tower_widths` are their hidden layers.
        gate_widths: hidden layers of both gates; () is a linear gate.
        task_dim: width of the task embeddings t_k.
        tasks, outputs, encoder, tower_widths: see `MultiTaskModel`.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Reference:
        Zhu et al., "Learning to Expand Audience via Meta Hybrid Experts and Critics for
        Recommendation and Advertising" (MetaHeac), KDD 2021. The critics are summed
        with weights that sum to 1: dividing by their number, as some implementations
        do, would cap a probability at 1 / num_critics. Here their logits are mixed and
        not their probabilities, so that regression tasks have critics too; the gates
        read the whole of x, not the mean of its fields; and the paper's meta-learning
        is not part of the model.
    """

    own_widths: ClassVar[bool] = False  # critics belong to no task

    num_experts: int = 8
    expert_widths: tuple[int, ...] = (64,)
    num_critics: int = 5
    gate_widths: tuple[int, ...] = ()
    task_dim: int = 8

    @nn.compact
    def __call__(
        self, features: Mapping[str, Array], *, train: bool = False
    ) -> dict[str, Float[Array, "batch ..."]]:
        x, settings = self.encode(features, train), self.settings()
        experts = Experts(
            num_experts=self.num_experts,
            widths=self.expert_widths,
            name="experts",
            **settings,
        )(x, train=train)
        counts = {"expert_gate": self.num_experts, "critic_gate": self.num_critics}
        expert_gate, critic_gate = (
            Gate(num_experts=count, widths=self.gate_widths, name=name, **settings)
            for name, count in counts.items()
        )
        critics = {
            outputs: Critics(
                num_critics=self.num_critics,
                outputs=outputs,
                widths=self.tower_widths,
                name=f"critics_{outputs}",
                **settings,
            )
            for outputs in sorted(set(self.outputs))
        }

        def predict(task, outputs):
            # Not small: all that tells the tasks apart goes through this vector.
            row = self.param(
                f"task_{task}", nn.initializers.normal(1.0), (self.task_dim,)
            )
            rows = jnp.broadcast_to(row, (x.shape[0], self.task_dim))
            read = jnp.concatenate([rows.astype(x.dtype), x], axis=-1)
            mixed = mix(expert_gate(read, train=train), experts)
            opinions = critics[outputs](mixed, train=train)
            y = mix(critic_gate(read, train=train), opinions)
            y = self.probe(f"output_{task}", y)
            return y[:, 0] if outputs == 1 else y

        pairs = zip(self.tasks, self.outputs, strict=True)
        return {task: predict(task, outputs) for task, outputs in pairs}

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        several = {n for n in self.outputs if self.outputs.count(n) > 1}
        if several:
            return tuple(
                (f"critics_{n}", part)
                for n in sorted(several)
                for part in ("kernel", "bias")
            )
        last = len(self.expert_widths) - 1
        return tuple(("experts", f"{part}_{last}") for part in ("kernel", "bias"))

    @nn.nowrap
    def owners(self) -> dict[tuple[str, ...], str]:
        owners = {(f"task_{task}",): task for task in self.tasks}
        for task, outputs in zip(self.tasks, self.outputs, strict=True):
            if self.outputs.count(outputs) == 1:
                owners[(f"critics_{outputs}",)] = task
        return owners
