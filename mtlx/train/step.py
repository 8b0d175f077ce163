"""One training step: measure, decide, apply."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from mtlx.diagnostics import diagnose
from mtlx.gradients import Measurement, Owner, measure_cross_gram
from mtlx.tasks import Task
from mtlx.train.axis import ALONE, Axis
from mtlx.train.batch_losses import added_losses, check_lists, task_losses
from mtlx.train.bilevel.lookahead import look_ahead
from mtlx.train.granularity import adam_metric, make_cut
from mtlx.train.measuring import DEFAULT, Losses, Measuring
from mtlx.train.optimizers.per_task import needs_of, tasks_apart
from mtlx.train.optimizers.row_wise import RowWiseTransform
from mtlx.train.rows import by_rows
from mtlx.train.state import Step, TrainState, step_key
from mtlx.types import Array, Balancer, Batch, Direction, Needs, PyTree, Signals

# What a balancer needs -> the parts without a common row that its batch is cut in.
PARTS = {"cross_gram": 3, "lookahead": 2}


def make_step(
    model: nn.Module,
    tasks: tuple[Task, ...],
    optimizer: optax.GradientTransformation,
    balancer: Balancer,
    steps_per_epoch: int,
    granularity: str = "all",
    axis: Axis = ALONE,
    measuring: Measuring = DEFAULT,
) -> Step:
    """The pure function (state, batch) -> (state, metrics) that training scans over.

    The model step uses the weights that the balancer returns *for this batch*. Metrics
    are "loss" [T], "weight" [T] and "present" [T], where there is a Gram matrix the
    numbers of `mtlx.diagnostics`, and where the model has penalties their sum,
    "penalty". A penalty (`Layer.penalise`) belongs to the objective and is no task: no
    balancer sees it or weighs it, and its gradient is added to the one decided on,
    J^T w + grad R for the shared parameters.

    A balancer that needs "cross_gram" gets it from the first two thirds of the batch,
    and its weights apply to the third. One that needs "lookahead" gets the losses of
    two halves of the batch as functions of the parameters (`mtlx.train.bilevel`), and
    its decision applies to all rows.

    With a row-wise optimizer (lazy_adam, rowwise_adagrad) all of this works on the rows
    of the embedding tables that the batch reads (`mtlx.train.rows`).

    Args:
        model, tasks, optimizer, balancer: what is trained, and how.
        steps_per_epoch: tells the balancer which epoch it is in.
        granularity: what the Gram matrix is taken over, see `mtlx.gradients.Cut`. With
            "layer", `balancer` is that of `per_layer`.
        axis: the devices that run this step together, each on its own rows of `batch`
            and all on the same state (`mtlx.train.parallel`).
        measuring: how the losses and gradients are computed.

    Raises:
        ValueError: a loss of lists where a batch is cut into parts or devices' rows.
    """

    check_lists(tasks, axis, measuring)
    step = _Step(
        model,
        tasks,
        optimizer,
        balancer,
        steps_per_epoch,
        granularity,
        axis,
        measuring,
        needs_of(optimizer, balancer),
    )
    if isinstance(optimizer, RowWiseTransform):
        return by_rows(step.run, model, axis.name)
    return step.run


class _Step(NamedTuple):
    """What stays the same from step to step; mostly the arguments of `make_step`."""

    model: nn.Module
    tasks: tuple[Task, ...]
    optimizer: optax.GradientTransformation
    balancer: Balancer
    steps_per_epoch: int
    granularity: str
    axis: Axis
    measuring: Measuring
    needs: Needs

    def run(
        self, state: TrainState, batch: Batch
    ) -> tuple[TrainState, dict[str, Array]]:
        dropout_key, balancer_key = jax.random.split(step_key(state))
        # A key of its own: with another form all other draws stay as they are.
        probe_key = jax.random.fold_in(balancer_key, 1)
        measured, losses, signals = self._measure(state, batch, dropout_key, probe_key)
        decision, balancer_state = self.balancer.update(
            signals, state.balancer_state, key=balancer_key
        )
        apart = tasks_apart(self.optimizer, signals, decision, measured.penalty)
        updates, opt_state = self.optimizer.update(
            measured.gradient(decision), state.opt_state, state.params, **apart
        )
        params = optax.apply_updates(state.params, updates)
        if self.balancer.observe is not None:
            # The dropout mask of the step, and the batch statistics that the second
            # forward pass would update are dropped: only the parameters differ.
            balancer_state = self.balancer.observe(losses.at(params), balancer_state)
        next_state = TrainState(
            step=state.step + 1,
            key=state.key,
            params=params,
            model_state=measured.aux["model_state"],
            opt_state=opt_state,
            balancer_state=balancer_state,
        )
        return next_state, _metrics(signals, decision, measured.aux)

    def _measure(
        self, state: TrainState, batch: Batch, dropout_key: Array, probe_key: Array
    ) -> tuple[Measurement, Losses, Signals]:
        """Gradients and losses of the step, and what its balancer is told."""
        model, balancer, axis = self.model, self.balancer, self.axis

        def forward(model_state, rows, key, *params):
            place = axis if rows is batch else axis.of_part()
            return _forward(model, self.tasks, model_state, rows, key, place, *params)

        def loss_on(rows):
            return functools.partial(forward, state.model_state, rows, dropout_key)

        rows, apart = _measure_apart(
            balancer, batch, loss_on, state.params, model.owner
        )
        cut = make_cut(self.granularity, model, state.variables, rows)
        if "metric" in balancer.needs:
            cut = cut._replace(metric=adam_metric(state.opt_state, model.owner))
        losses = self.measuring.losses(
            forward,
            state.model_state,
            rows,
            [task.name for task in self.tasks],
            dropout_key,
            probe_key,
            state.params,
            axis,
        )
        measured = self.measuring.measure(
            losses, state.params, model.owner, self.needs, cut
        )
        signals = measured.signals._replace(
            epoch=state.step // self.steps_per_epoch, **apart
        )
        if self.granularity == "representation" and signals.gram is not None:
            signals = signals._replace(gram=axis.total_gram(signals.gram))
        return measured, losses, signals


def _forward(model, tasks, model_state, batch, dropout_key, axis, params, probes=None):
    """(losses [T], what else the forward pass gives), for `measure`."""
    collections = {"params": axis.enter(params), **model_state}
    if probes is not None:
        collections["perturbations"] = probes
    with axis.synchronised():
        outputs, model_state = model.apply(
            collections,
            batch.features,
            train=True,
            rngs={"dropout": dropout_key},
            mutable=[*model_state, "penalties", "auxiliary"],
        )
    handed = model_state.pop("auxiliary", {})
    penalties = jax.tree.leaves(model_state.pop("penalties", {}))
    losses, present = task_losses(tasks, outputs, batch, axis, model.untrained())
    aux = {"present": present, "model_state": model_state}
    added = added_losses(model, tasks, outputs, handed, batch, axis)
    if added is not None:
        # Apart as well: parts of a batch weigh them by the rows of each.
        aux |= {"own": losses, "added": added[0], "added_rows": added[1]}
        losses = losses + jnp.where(present, added[0], 0.0)
    if penalties:  # means over a device's rows, or over all rows: see `Axis`
        aux["penalty"] = axis.total(sum(penalties) / axis.size)
    return losses, aux


def _metrics(
    signals: Signals, decision: Array | Direction, aux: dict[str, PyTree]
) -> dict[str, Array]:
    """What is logged; by layer, the mean weights and the Gram matrix of them all."""
    weights = decision.weights if isinstance(decision, Direction) else decision
    gram = signals.gram
    if weights.ndim == 2:
        weights = jnp.mean(weights, axis=0)
        gram = jnp.sum(gram, axis=0)
    metrics = {"loss": signals.losses, "weight": weights, "present": signals.present}
    if gram is not None:
        metrics |= diagnose(gram, weights, signals.present)
    if "penalty" in aux:
        metrics["penalty"] = aux["penalty"]
    return metrics


def _measure_apart(
    balancer: Balancer,
    batch: Batch,
    loss_on: Callable[[Batch], Callable],
    params: PyTree,
    owner: Owner,
) -> tuple[Batch, dict[str, Any]]:
    """The rows of the step itself, and signals from rows that share none."""
    if "cross_gram" in balancer.needs:
        *pair, rows = _parts(batch, PARTS["cross_gram"])
        pair = [loss_on(third) for third in pair]
        return rows, {"cross_gram": measure_cross_gram(pair, params, owner)}
    if "lookahead" in balancer.needs:
        halves = (loss_on(half) for half in _parts(batch, PARTS["lookahead"]))
        return batch, {"lookahead": look_ahead(*halves, params, owner)}
    return batch, {}


def _parts(batch: Batch, count: int) -> list[Batch]:
    """Batches of one size that share no row.

    Raises:
        ValueError: fewer rows than parts.
    """
    rows = len(next(iter(batch.labels.values()))) // count
    if rows == 0:
        raise ValueError(
            f"Expected at least {count} rows a batch, for {count} independent parts of "
            f"it, found fewer. Choose a larger batch_size."
        )

    def part(number):
        return jax.tree.map(lambda x: x[number * rows : (number + 1) * rows], batch)

    return [part(number) for number in range(count)]
