"""Entire space multi-task model."""

from collections.abc import Mapping

import flax.linen as nn
import jax

from mtlx.models.base import MultiTaskModel, TowerWidths
from mtlx.models.chain import chain_of, check_binary, check_single, follow
from mtlx.types import Array, Float


class ESMM(MultiTaskModel):
    """p_k = s(z_1) .. s(z_k) over all rows, z_j = tower_j(x): pCTCVR = pCTR pCVR.

    The tasks of the chain have labels on ALL rows: click, then click AND purchase. Each
    output is the logit of the whole product (`chain.follow`), so the binary losses and
    metrics hold as they are, and a tower learns the step from the task before (pCVR)
    without a loss on the biased sample of those who made it. Such a rate can be read as
    a task of its own: declare one on the rows of that sample (`Task.space`, e.g.
    purchase where click is 1) and name it in `rates`; its metrics are those of the
    rate, and nothing is trained by it. The towers of all links but the last serve
    several tasks, and are shared.

    Args:
        chain: names of binary tasks, each after the one that it implies; () is all
            tasks in their order, but those in `rates`. Other tasks have towers alone.
        rates: pairs (task, link of the chain): the task's output is z of that link.
        tasks, outputs, encoder, tower_widths, schema: see `MultiTaskModel`. The
            encoder is all that the towers share; the paper's are (360, 200, 80).
        activation, norm, dropout_rate, dtype: see `Layer`.

    Raises:
        ValueError: a chain or a rate that names no task, a task that is both, or one of
            them with more than one output.

    Reference:
        Ma et al., "Entire Space Multi-Task Model: An Effective Approach for Estimating
        Post-Click Conversion Rate", SIGIR 2018, equations 1 and 3; there the chain has
        two links. The loss is a sum over rows there, here a mean for each task.
    """

    chain: tuple[str, ...] = ()
    rates: tuple[tuple[str, str], ...] = ()
    tower_widths: TowerWidths = (160, 32)

    def __post_init__(self):
        super().__post_init__()
        name, links, rates = type(self).__name__, self.links(), dict(self.rates)
        check_single(name, (*links, *rates), self.tasks, self.outputs)
        if not set(rates) <= set(self.tasks) or not set(rates.values()) <= set(links):
            raise ValueError(
                f"{name}: expected rates as pairs (task outside the "
                f"chain, link of the chain), found {self.rates}; the tasks are "
                f"{self.tasks}, the chain is {links}."
            )

    @nn.compact
    def __call__(
        self, features: Mapping[str, Array], *, train: bool = False
    ) -> dict[str, Float[Array, "batch ..."]]:
        x = self.encode(features, train)
        return self.entire_space(self.steps(x, self.probe("input", x), train))

    @nn.nowrap
    def links(self) -> tuple[str, ...]:
        """The tasks of the chain, in order."""
        rest = tuple(task for task in self.tasks if task not in dict(self.rates))
        return chain_of(type(self).__name__, self.chain, rest)

    @nn.nowrap
    def steps(
        self,
        x: Float[Array, "batch width"],
        own: Float[Array, "batch width"],
        train: bool,
    ) -> dict[str, Float[Array, "batch ..."]]:
        """z of every task that has a tower; a task's own one reads x as `own`."""
        shared = self.links()[:-1]
        towers = [task for task in self.tasks if task not in dict(self.rates)]
        inputs = {task: x if task in shared else own for task in towers}
        return {
            task: self.probe(f"step_{task}", z) if task in shared else z
            for task, z in self.towers(inputs, train).items()
        }

    @nn.nowrap
    def entire_space(
        self, steps: Mapping[str, Float[Array, "batch ..."]]
    ) -> dict[str, Float[Array, "batch ..."]]:
        """The outputs of all tasks, in their order."""
        outputs, before = dict(steps), None
        for link in self.links():
            before = steps[link] if before is None else follow(before, steps[link])
            outputs[link] = before
        for task, link in self.rates:
            # A rate that trained its tower would bring the sample's bias back.
            outputs[task] = jax.lax.stop_gradient(steps[link])
        return {task: outputs[task] for task in self.tasks}

    @nn.nowrap
    def check_kinds(self, kinds: tuple[str, ...]) -> None:
        super().check_kinds(kinds)
        named = (*self.links(), *dict(self.rates))
        check_binary(type(self).__name__, named, self.tasks, kinds)

    @nn.nowrap
    def untrained(self) -> tuple[str, ...]:
        return tuple(task for task, _ in self.rates)

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        return (("encoder",),)

    @nn.nowrap
    def owners(self) -> dict[tuple[str, ...], str]:
        shared = self.links()[:-1]
        return {(f"tower_{task}",): task for task in self.tasks if task not in shared}
