"""How the losses and gradients of a training batch are measured."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from mtlx.gradients import (
    Cut,
    Measurement,
    Owner,
    accumulated_losses,
    check_form,
    measure,
    measure_accumulated,
)
from mtlx.train.axis import ALONE, Axis
from mtlx.train.parts import Part, part_losses, share_added, split_batch
from mtlx.types import Array, Batch, Needs, PRNGKeyArray, PyTree

# (model_state, batch, dropout key, params, probes=None) -> (losses [T], aux)
Forward = Callable[..., tuple[Array, dict[str, Any]]]


class Losses(NamedTuple):
    """The losses of one batch as a function of the parameters, whole and by parts."""

    whole: Callable[..., tuple[Array, dict[str, Any]]]  # as `measure` takes it
    by_part: Callable[..., tuple[Array, dict[str, Any]]] | None
    parts: Part | None
    model_state: PyTree
    probe_key: PRNGKeyArray

    def at(self, params: PyTree) -> Array:
        """[T], with the dropout masks of the step."""
        if self.parts is None:
            return self.whole(params)[0]
        return accumulated_losses(self.by_part, params, self.parts, self.model_state)[0]


class Measuring(NamedTuple):
    """The options of a step that change its cost and not, but for rounding, its result.

    * gradients, num_probes: the form of the Gram matrix, see `mtlx.gradients.measure`;
      only a sketch is an estimate.
    * remat: run the shared part of the model again for every backward pass.
    * accumulate: parts of the batch that go through the model one after another, with
      one part's activations at a time. Losses, Gram matrix and gradient are those of
      the batch; dropout masks are others, and a batch norm normalises each part alone.
    """

    gradients: str = "auto"
    num_probes: int = 16
    remat: bool = False
    accumulate: int = 1

    def check(self, needs: Needs, granularity: str) -> None:
        """Refuses, before anything compiles, what does not go together.

        Raises:
            ValueError: see `mtlx.gradients.check_form`.
        """
        check_form(self.gradients, needs, granularity, self.remat, self.accumulate)

    def losses(
        self,
        forward: Forward,
        model_state: PyTree,
        batch: Batch,
        tasks: Sequence[str],
        dropout_key: PRNGKeyArray,
        probe_key: PRNGKeyArray,
        params: PyTree,
        axis: Axis = ALONE,
    ) -> Losses:
        """What there is to measure; `tasks` in the order of the losses.

        The parameters are read for what rows an addition to a loss counts, which no
        model makes depend on them.
        """

        def whole(*params):
            return forward(model_state, batch, dropout_key, *params)

        by_part = parts = None
        if self.accumulate > 1:
            by_part = part_losses(forward, dropout_key, self.accumulate)
            parts = split_batch(batch, tasks, self.accumulate, axis)

            def aux_of(rows):
                return forward(model_state, rows, dropout_key, params)[1]

            parts = share_added(parts, aux_of)
        return Losses(whole, by_part, parts, model_state, probe_key)

    def measure(
        self, losses: Losses, params: PyTree, owner: Owner, needs: Needs, cut: Cut
    ) -> Measurement:
        """What the balancer needs; the aux has "model_state"."""
        shape = {"gradients": self.gradients, "remat": self.remat}
        if losses.parts is None:
            return measure(
                losses.whole,
                params,
                owner,
                needs,
                cut,
                num_probes=self.num_probes,
                key=losses.probe_key,
                **shape,
            )
        measured = measure_accumulated(
            losses.by_part,
            params,
            owner,
            needs,
            cut,
            losses.parts,
            losses.model_state,
            **shape,
        )
        aux = dict(measured.aux)
        return measured._replace(aux={"model_state": aux.pop("carry"), **aux})


DEFAULT = Measuring()
