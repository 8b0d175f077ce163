"""Multi-domain multi-task mixture of experts."""

from collections.abc import Mapping

import flax.linen as nn
import jax
import jax.numpy as jnp

from mtlx.models.base import MultiTaskModel
from mtlx.models.columns import Column, domain_column, ids_of
from mtlx.models.domain_dense import DomainDense
from mtlx.models.domain_gate import DomainGate
from mtlx.models.domain_tower import DomainTower
from mtlx.models.experts import Experts
from mtlx.models.gate import mix
from mtlx.models.layer import Norm
from mtlx.models.mlp import MLP
from mtlx.types import Array, Float, Int


class M3oE(MultiTaskModel, kw_only=True):
    """y_k = tower_dk(g_dk E(e) + s(a_D) bal_d(E_D(e)) + s(a_T) bal_k(E_T(e))).

    d is the row's domain, s the logistic function. e = MLP((W * W_d) x + b + b_d) +
    MLP'(x) goes through three groups of experts: shared ones E, which a gate g_dk =
    softmax(V_dk sg(e)) of each domain and task mixes; one for each domain; one for each
    task. In the last two, bal_i(E) = s(c) E_i + (1 - s(c)) mean_{j != i} E_j: the own
    expert and, less, the others'. The four numbers a_D, a_T, c_D, c_T are learnt. The
    gates read e through a stop-gradient sg.

    Args:
        domain: name or number of the categorical column that is the domain; None is the
            one that the data declare (`Schema.domain`). Id 0, unknown values, is a
            domain too.
        star_widths: units of (W * W_d) x and of e.
        num_shared_experts: number of experts E.
        expert_widths: layers of each expert of all groups.
        initial_balance: of a_D, a_T, c_D and c_T at the start.
        norm: "layer" is the authors'.
        tasks, outputs, encoder, tower_widths, schema: see `MultiTaskModel`; a tower for
            each domain and task.
        activation, dropout_rate, dtype: see `Layer`.

    Raises:
        ValueError: no such column, or none declared.

    Reference:
        Zhang et al., "M3oE: Multi-Domain Multi-Task Mixture-of-Experts Recommendation
        Framework", SIGIR 2024, with the stop-gradient and the logistic form
        of the balances of the authors' code. The balances are trained with the rest,
        not on validation rows by a second optimizer.
    """

    domain: Column | None = None
    star_widths: tuple[int, int] = (64, 64)
    num_shared_experts: int = 4
    expert_widths: tuple[int, ...] = (64,)
    initial_balance: float | Array = 0.1
    norm: Norm = "layer"

    def __post_init__(self):
        super().__post_init__()
        domain_column("M3oE", self.schema, self.domain)

    @nn.compact
    def __call__(
        self, features: Mapping[str, Array], *, train: bool = False
    ) -> dict[str, Float[Array, "batch ..."]]:
        x = self.encode(features, train)
        column = domain_column("M3oE", self.schema, self.domain)
        domains, count = ids_of(features, column), self.schema.cardinalities[column]
        e = self._star(x, domains, count, train)
        shared = self.probe("shared", self._experts("shared_experts", e, train))
        by_domain = self._experts("domain_experts", e, train, count)
        by_task = self._experts("task_experts", e, train, len(self.tasks))
        share = self._number("domain_share").astype(e.dtype)
        balance = self._balance("domain", count)
        of_domain = share * balanced(by_domain, domains, balance)
        share = self._number("task_share").astype(e.dtype)
        balance = self._balance("task", len(self.tasks))
        seen = jax.lax.stop_gradient(e)

        def output(number, task, outputs):
            own = balanced(by_task, jnp.full_like(domains, number), balance)
            fused = self.probe(f"fused_{task}", of_domain + share * own)
            weights = self._gate(task, count, seen, domains)
            tower = DomainTower(
                outputs=outputs,
                num_domains=count,
                widths=self.widths_of(task),
                name=f"tower_{task}",
                **self.settings(),
            )
            return tower(mix(weights, shared) + fused, domains, train=train)

        pairs = enumerate(zip(self.tasks, self.outputs, strict=True))
        return {task: output(number, task, n) for number, (task, n) in pairs}

    @nn.nowrap
    def _star(
        self, x: Array, domains: Array, count: int, train: bool
    ) -> Float[Array, "batch units"]:
        """e."""
        first, last = self.star_widths
        star = DomainDense(
            units=first, num_domains=count, star=True, dtype=self.dtype, name="star"
        )
        mlp, skip = (
            MLP(widths=(last,), name=name, **self.settings())
            for name in ("star_mlp", "skip")
        )
        return mlp(star(x, domains), train=train) + skip(x, train=train)

    @nn.nowrap
    def _experts(
        self, name: str, e: Array, train: bool, count: int | None = None
    ) -> Float[Array, "batch experts units"]:
        experts = Experts(
            num_experts=count or self.num_shared_experts,
            widths=self.expert_widths,
            name=name,
            **self.settings(),
        )
        return experts(e, train=train)

    @nn.nowrap
    def _gate(
        self, task: str, count: int, seen: Array, domains: Array
    ) -> Float[Array, "batch experts"]:
        gate = DomainGate(
            num_experts=self.num_shared_experts,
            num_domains=count,
            name=f"gate_{task}",
            **self.settings(),
        )
        return gate(seen, domains)

    @nn.nowrap
    def _number(self, name: str) -> Float[Array, ""]:
        """s(a) of a learnt number a."""
        init = nn.initializers.constant(self.initial_balance)
        return nn.sigmoid(self.param(name, init, ()))

    @nn.nowrap
    def _balance(self, group: str, count: int) -> Float[Array, ""] | None:
        """s(c), or None for a group of one expert, which has no others."""
        return self._number(f"{group}_balance") if count > 1 else None

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        last = len(self.expert_widths) - 1
        return tuple(
            ("shared_experts", f"{part}_{last}") for part in ("kernel", "bias")
        )

    @nn.nowrap
    def owners(self) -> dict[tuple[str, ...], str]:
        parts = ("gate", "tower")
        return {(f"{part}_{task}",): task for task in self.tasks for part in parts}


def balanced(
    experts: Float[Array, "batch experts units"],
    index: Int[Array, "batch"],
    balance: Float[Array, ""] | None,
) -> Float[Array, "batch units"]:
    """c E_i + (1 - c) mean_{j != i} E_j; E_i where it is the only one."""
    own = jnp.take_along_axis(experts, index[:, None, None], axis=1)[:, 0]
    if balance is None:
        return own
    others = (jnp.sum(experts, axis=1) - own) / (experts.shape[1] - 1)
    balance = balance.astype(own.dtype)
    return balance * own + (1 - balance) * others
