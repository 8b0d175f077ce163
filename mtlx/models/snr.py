"""Sub-network routing with a matrix on every connection."""

from collections.abc import Mapping

import flax.linen as nn

from mtlx.models.base import MultiTaskModel
from mtlx.models.experts import Experts
from mtlx.models.routing import Routing
from mtlx.types import Array, Float


class SNRTrans(MultiTaskModel):
    """y_k = tower_k(v_k): levels of sub-networks, and `Routing` from each to the next.

    With u^1_i = E^1_i(x) and V^l, v_k routings,

        u^{l+1}_j = E^{l+1}_j(V^l_j(u^l_1, .., u^l_n)),   v_k = v_k(u^L_1, .., u^L_n)

    The routing to a task's tower is the task's own.

    Args:
        num_modules: number n of sub-networks on each level.
        module_width: units of every sub-network, each of one layer.
        num_levels: number L of levels.
        sparsity, beta, gamma, zeta: see `Routing`.
        tasks, outputs, encoder, tower_widths: see `MultiTaskModel`.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Raises:
        ValueError: no level; see `Routing`.

    Reference:
        Ma et al., "SNR: Sub-Network Routing for Flexible Parameter Sharing in
        Multi-Task Learning", AAAI 2019 (SNR-Trans).
    """

    num_modules: int = 4
    module_width: int = 52
    num_levels: int = 2
    sparsity: float | Array = 0.0001
    beta: float = 0.5
    gamma: float = -0.1
    zeta: float = 1.1

    transform = True  # no field: the class says which of the two forms it is

    def __post_init__(self):
        if self.num_levels < 1:
            raise ValueError(
                f"{type(self).__name__}: expected num_levels >= 1, found "
                f"{self.num_levels}; without a level of modules use SharedBottom."
            )
        # The routings' own check, before anything is traced.
        stretch = {"beta": self.beta, "gamma": self.gamma, "zeta": self.zeta}
        Routing(num_outputs=1, parent=None, **stretch)
        super().__post_init__()

    @nn.nowrap
    def routing(self, name: str, num_outputs: int) -> Routing:
        """To be called from a compact method."""
        return Routing(
            num_outputs=num_outputs,
            transform=self.transform,
            sparsity=self.sparsity,
            beta=self.beta,
            gamma=self.gamma,
            zeta=self.zeta,
            name=name,
            **self.settings(),
        )

    @nn.nowrap
    def represent(
        self, features: Mapping[str, Array], train: bool
    ) -> dict[str, Float[Array, "batch units"]]:
        x, count = self.encode(features, train), self.num_modules
        for level in range(self.num_levels):
            if level:
                x = self.routing(f"routing_level_{level}", count)(x, train=train)
            modules = Experts(
                num_experts=count,
                widths=(self.module_width,),
                name=f"modules_{level}",
                **self.settings(),
            )
            x = modules(x, train=train)
        x = self.probe("modules", x)

        def route(task):
            return self.routing(f"to_{task}", 1)(x, train=train)[:, 0]

        return {task: route(task) for task in self.tasks}

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        return ((f"modules_{self.num_levels - 1}",),)

    @nn.nowrap
    def owners(self) -> dict[tuple[str, ...], str]:
        parts = ("to", "tower")
        return {(f"{part}_{task}",): task for task in self.tasks for part in parts}
