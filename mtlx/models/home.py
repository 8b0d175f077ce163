"""Hierarchy of multi-gate experts."""

from collections.abc import Callable, Mapping

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.base import MultiTaskModel
from mtlx.models.home_layer import GatedExperts, SelfGatedMix
from mtlx.models.layer import Norm
from mtlx.types import Array, Float


class HoME(MultiTaskModel, kw_only=True):
    """y_k = tower_k(h_k): experts of all tasks, of groups of tasks, and of each task.

    With M the mixture `SelfGatedMix` and every E a `GatedExperts`, for a group c

        z_c = M([E'_s(x); E'_c(x)], own E'_c)
        z_s = M([E'_s(x); E'_1(x); ..], own E'_s)

    and for a task k of c, with gates that read [z_c; z_s],

        h_k = M([E_s(z_s); E_c(z_c); E_k(z_c)], own E_k)

    What only a group of one task reads is that task's own.

    Args:
        groups: names of the tasks of each group; () is one group of all tasks.
        num_meta_shared, num_meta_group: number of experts E'_s, and of each E'_c.
        num_shared, num_group, num_task: number of experts E_s, and of each E_c, E_k.
        expert_width: units of every expert.
        num_factors, rank: see `FeatureGate`.
        tasks, outputs, encoder, tower_widths: see `MultiTaskModel`.
        activation, norm, dropout_rate, dtype: see `Layer`. The paper's experts are
            Swish(BatchNorm(W x)): so are all layers here unless said otherwise.

    Raises:
        ValueError: the groups do not hold every task once, or a number of experts below
            1.

    Reference:
        Wang et al., "HoME: Hierarchy of Multi-Gate Experts for Multi-Task Learning at
        Kuaishou", KDD 2025. The paper's groups are watching and interacting.
        One feature gate serves a group of experts, where the paper has one an expert.
    """

    groups: tuple[tuple[str, ...], ...] = ()
    num_meta_shared: int = 2
    num_meta_group: int = 2
    num_shared: int = 1
    num_group: int = 1
    num_task: int = 1
    expert_width: int = 64
    num_factors: int = 2
    rank: int = 12
    activation: Callable[..., Array] = nn.swish
    norm: Norm = "batch"

    def __post_init__(self):
        super().__post_init__()
        named = [task for group in self.groups for task in group]
        if self.groups and sorted(named) != sorted(self.tasks):
            raise ValueError(
                f"HoME: expected groups that hold each of the tasks {self.tasks} once, "
                f"found {self.groups}; () is one group of all tasks."
            )
        counts = (self.num_meta_shared, self.num_meta_group, self.num_shared)
        if min(*counts, self.num_group, self.num_task) < 1:
            raise ValueError(
                f"HoME: expected at least one expert of every kind, found "
                f"num_meta_shared={self.num_meta_shared}, num_meta_group="
                f"{self.num_meta_group}, num_shared={self.num_shared}, num_group="
                f"{self.num_group} and num_task={self.num_task}."
            )

    @nn.nowrap
    def represent(
        self, features: Mapping[str, Array], train: bool
    ) -> dict[str, Float[Array, "batch units"]]:
        x = self.encode(features, train)
        metas, shared = self._metas(x, train)
        # Probes go on what the tasks' own parts read, not on what shared experts read.
        everyone = self._experts("shared_experts", self.num_shared, shared, train)
        everyone = self.probe("shared_outputs", everyone)
        z_s = self.probe("meta_shared", shared)
        hidden = {}
        for c, group in enumerate(self._groups()):
            ours = self._experts(f"group_experts_{c}", self.num_group, metas[c], train)
            ours = self.probe(f"group_outputs_{c}", ours)
            z_c = self.probe(f"meta_{c}", metas[c])
            for task in group:
                own = self._experts(f"experts_{task}", self.num_task, z_c, train)
                experts = jnp.concatenate([everyone, ours, own], axis=1)
                read = jnp.concatenate([z_c, z_s], axis=-1)
                hidden[task] = self._mix(f"mix_{task}", read, experts, own, train)
        return hidden

    @nn.nowrap
    def _metas(self, x: Array, train: bool) -> tuple[list[Array], Array]:
        """z_c of every group, and z_s."""
        shared = self._experts("meta_shared_experts", self.num_meta_shared, x, train)
        metas, every = [], [shared]
        for c in range(len(self._groups())):
            ours = self._experts(f"meta_experts_{c}", self.num_meta_group, x, train)
            experts = jnp.concatenate([shared, ours], axis=1)
            metas.append(self._mix(f"meta_mix_{c}", x, experts, ours, train))
            every.append(ours)
        experts = jnp.concatenate(every, axis=1)
        return metas, self._mix("meta_shared_mix", x, experts, shared, train)

    @nn.nowrap
    def _experts(self, name: str, count: int, x: Array, train: bool) -> Array:
        experts = GatedExperts(
            num_experts=count,
            width=self.expert_width,
            num_factors=self.num_factors,
            rank=self.rank,
            name=name,
            **self.settings(),
        )
        return experts(x, train=train)

    @nn.nowrap
    def _mix(self, name, x, experts, own, train) -> Array:
        return SelfGatedMix(name=name, **self.settings())(x, experts, own, train=train)

    @nn.nowrap
    def _groups(self) -> tuple[tuple[str, ...], ...]:
        return self.groups or (self.tasks,)

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        return (("shared_experts", "experts"),)

    @nn.nowrap
    def owners(self) -> dict[tuple[str, ...], str]:
        parts = ("experts", "mix", "tower")
        owners = {(f"{part}_{task}",): task for task in self.tasks for part in parts}
        for c, group in enumerate(self._groups()):
            if len(group) == 1:
                owners[(f"group_experts_{c}",)] = group[0]
                owners[(f"meta_mix_{c}",)] = group[0]
        return owners
