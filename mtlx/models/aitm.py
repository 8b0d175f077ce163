"""Adaptive information transfer multi-task model."""

from collections.abc import Mapping

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.base import MultiTaskModel, TowerWidths
from mtlx.models.chain import chain_of, check_binary, check_single
from mtlx.models.mlp import MLP
from mtlx.models.transfer import Transfer
from mtlx.types import Array, Float


class AITM(MultiTaskModel):
    """y_t = tower_t(z_t), z_1 = q_1, z_t = transfer_t(z_{t-1}, q_t), q_t = f_t(x).

    For tasks each of which implies the one before (impression, click, purchase). The
    calibrator penalises what cannot be, a later probability above the one before it:

        penalty = alpha mean_rows sum_{t >= 2} max(s(y_t) - s(y_{t-1}), 0).

    It is no task's loss (`Layer.penalise`). All networks before the last link's serve
    several tasks, and are shared.

    Args:
        chain: names of binary tasks, each after the one that it implies; () is all
            tasks in their order. Other tasks have f_t and their tower alone.
        bottom_widths: layers of each f_t.
        calibrator: alpha.
        tasks, outputs, encoder, tower_widths, schema: see `MultiTaskModel`; a linear
            tower, (), as in the authors' code.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Raises:
        ValueError: a chain that names no task, or one with more than one output; or no
            layer of f_t.

    Reference:
        Xi et al., "Modeling the Sequential Dependence among Audience Multi-step
        Conversions with Multi-task Learning in Targeted Display Advertising", KDD 2021;
        alpha = .6 and three layers of 128, 64, 32 in the authors' code.
    """

    chain: tuple[str, ...] = ()
    bottom_widths: tuple[int, ...] = (140, 48)
    calibrator: float | Array = 0.6
    tower_widths: TowerWidths = ()

    def __post_init__(self):
        super().__post_init__()
        check_single("AITM", self.links(), self.tasks, self.outputs)
        if not self.bottom_widths:
            raise ValueError(
                "AITM: expected bottom_widths with at least one layer, found (); give "
                "the width of what is transferred."
            )

    @nn.compact
    def __call__(
        self, features: Mapping[str, Array], *, train: bool = False
    ) -> dict[str, Float[Array, "batch ..."]]:
        outputs = self.towers(self.represent(features, train), train)
        odds = [nn.sigmoid(outputs[task]) for task in self.links()]
        for task, before, after in zip(self.links()[1:], odds, odds[1:], strict=False):
            excess = jnp.mean(nn.relu(after - before))
            self.penalise(f"calibrator_{task}", self.calibrator * excess)
        return outputs

    @nn.nowrap
    def links(self) -> tuple[str, ...]:
        """The tasks of the chain, in order."""
        return chain_of("AITM", self.chain, self.tasks)

    @nn.nowrap
    def represent(
        self, features: Mapping[str, Array], train: bool
    ) -> dict[str, Float[Array, "batch units"]]:
        x = self.encode(features, train)
        links, own = self.links(), self.probe("input", x)

        def bottom(task):
            mlp = MLP(
                widths=self.bottom_widths, name=f"bottom_{task}", **self.settings()
            )
            return mlp(x if task in links[:-1] else own, train=train)

        hidden = {task: bottom(task) for task in self.tasks}
        state = hidden[links[0]]
        for task, following in zip(links, links[1:], strict=False):
            hidden[task] = self.probe(f"state_{task}", state)
            # The last transfer is its task's own, and reads what is shared.
            read = hidden[task] if following == links[-1] else state
            transfer = Transfer(name=f"transfer_{following}", **self.settings())
            state = transfer(read, hidden[following], train=train)
        hidden[links[-1]] = state
        return hidden

    @nn.nowrap
    def check_kinds(self, kinds: tuple[str, ...]) -> None:
        super().check_kinds(kinds)
        check_binary("AITM", self.links(), self.tasks, kinds)

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        return (("encoder",),)

    @nn.nowrap
    def owners(self) -> dict[tuple[str, ...], str]:
        owners = super().owners()
        shared = self.links()[:-1]
        for task in self.tasks:
            if task not in shared:
                owners |= {(f"{part}_{task}",): task for part in ("bottom", "transfer")}
        return owners
