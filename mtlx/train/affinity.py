"""Task affinity, measured while all tasks are trained together."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from mtlx import balancers
from mtlx.data.dataset import Dataset
from mtlx.data.feed import Feed, make_feed
from mtlx.gradients import join, split, task_affinity
from mtlx.tasks import Task
from mtlx.train.batch_losses import model_losses
from mtlx.train.optimizers.per_task import Optimizer
from mtlx.train.parallel import OneDevice
from mtlx.train.plan import Settings, check_sizes, make_plan
from mtlx.train.program import chunk_inputs, compile_program
from mtlx.train.state import Step, TrainState, step_key
from mtlx.types import Array, Batch


class Affinity(NamedTuple):
    """What training together showed; row i, column j: from task i onto task j."""

    tasks: tuple[str, ...]
    mean: np.ndarray  # [T, T] Z over all measurements; 0 where there was none
    counts: np.ndarray  # [T, T] measurements: both tasks had rows in the batch
    losses: np.ndarray  # [epochs, T] mean training loss


def pool_affinities(found: Sequence[Affinity]) -> Affinity:
    """Several trainings as one: the mean over all their measurements.

    Of one training the affinities are noisy; a pair's mean over all is weighed by how
    often each measured it.

    Args:
        found: of the same tasks and as many epochs.

    Returns:
        `losses` is the mean over the trainings.
    """
    counts = sum(each.counts for each in found)
    total = sum(each.mean * each.counts for each in found)
    losses = np.mean([each.losses for each in found], axis=0)
    return Affinity(found[0].tasks, total / counts, counts, losses)


def measure_affinity(
    model: nn.Module,
    dataset: Dataset,
    optimizer: Optimizer,
    *,
    learning_rate: float,
    every: int = 10,
    epochs: int = 10,
    batch_size: int = 256,
    max_chunk_steps: int = 200,
    seed: int = 0,
) -> Affinity:
    """Trains one model on the sum of all losses, and measures Z on the way.

    Z_ij = 1 - L_j(theta - eta grad L_i, phi_j) / L_j(theta, phi_j) at every `every`-th
    step (`mtlx.gradients.task_affinity`), on the step's own batch, before the step;
    theta are the shared parameters and phi_j, those of task j alone, stay. Both losses
    have the dropout masks of the step and normalise by the batch; running statistics
    are not touched.

    Args:
        model, dataset, optimizer: as in `mtlx.train.fit`.
        learning_rate: eta of the step looked ahead, plain gradient descent whatever the
            optimizer is.
        every: training steps from one measurement to the next.
        epochs, batch_size, max_chunk_steps, seed: as in `mtlx.train.fit`.

    Raises:
        ValueError: a learning rate that is no number above 0, a count below 1, fewer
            than two tasks, a model that shares no parameters, a loss that became NaN or
            infinite, or tasks that were measured at no step.

    Reference: Fifty et al., TAG, NeurIPS 2021, section 3; every 10 steps as in the
    authors' instructions.
    """
    check_sizes(
        every=every,
        epochs=epochs,
        batch_size=batch_size,
        max_chunk_steps=max_chunk_steps,
    )
    if not isinstance(learning_rate, int | float) or learning_rate <= 0:
        raise ValueError(
            f"Expected learning_rate to be a number above 0, found {learning_rate!r}. "
            f"Give affinity.learning_rate, where that of the optimizer is a schedule."
        )
    tasks = tuple(task.name for task in dataset.tasks)
    feed = make_feed(dataset.train, batch_size)
    plan, devices = _plan(model, dataset, optimizer, feed, max_chunk_steps), OneDevice()
    state = devices.make_state(plan, jax.random.key(seed))
    if len(tasks) < 2 or not split(state.params, model.owner)[0]:
        raise ValueError(
            f"Expected two tasks or more and a model with parameters that they share, "
            f"found {len(tasks)} tasks in a {type(model).__name__}. Choose another "
            f"model, e.g. shared_bottom."
        )
    step = _measured(plan.step, model, dataset.tasks, learning_rate, every)
    cut = Settings(max_chunk_steps).cut(feed)
    program = compile_program(step, feed, state, *cut, devices)
    total, counts = np.zeros((2, len(tasks), len(tasks)))
    losses = []
    for epoch in range(1, epochs + 1):
        seen = []
        for inputs in chunk_inputs(program, feed, state.key, epoch):
            state, history = program.run(state, *inputs)
            history = jax.device_get(history)
            total += history["affinity"].sum(axis=0, dtype=np.float64)
            counts += history["measured"].sum(axis=0)
            seen.append(history["loss"])
        losses.append(np.concatenate(seen).mean(axis=0, dtype=np.float64))
    _check(tasks, total, counts, np.array(losses))
    return Affinity(tasks, total / np.maximum(counts, 1), counts, np.array(losses))


def _plan(model, dataset, optimizer, feed: Feed, max_chunk_steps: int):
    settings = Settings(max_chunk_steps)
    return make_plan(model, balancers.equal(), optimizer, dataset.tasks, feed, settings)


def _measured(
    step: Step, model: nn.Module, tasks: tuple[Task, ...], learning_rate, every: int
) -> Step:
    """`step`, with "affinity" and "measured" [T, T] among what it tells."""
    look = _affinity_of(model, tasks, learning_rate)

    def run(state, batch):
        nothing = jnp.zeros((len(tasks), len(tasks)))
        due = state.step % every == 0
        values, there = jax.lax.cond(
            due,
            lambda: look(state, batch),
            lambda: (nothing, nothing.astype(bool)),
        )
        state, metrics = step(state, batch)
        told = {"loss": metrics["loss"], "affinity": values, "measured": there}
        return state, told

    return run


def _affinity_of(
    model: nn.Module, tasks: tuple[Task, ...], learning_rate
) -> Callable[[TrainState, Batch], tuple[Array, Array]]:
    """Z [T, T] at a state on a batch, 0 where it is not known; where it is [T, T]."""

    def look(state, batch):
        shared, own = split(state.params, model.owner)
        dropout_key, _ = jax.random.split(step_key(state))

        def losses(theta):
            outputs, changed = model.apply(
                {"params": join(theta, own), **state.model_state},
                batch.features,
                train=True,
                rngs={"dropout": dropout_key},
                mutable=[*state.model_state, "penalties", "auxiliary"],
            )
            handed = changed.pop("auxiliary", {})
            return model_losses(model, tasks, outputs, handed, batch)

        _, present = losses(shared)
        values, before = task_affinity(lambda x: losses(x)[0], shared, learning_rate)
        there = present[:, None] & (present & (before > 0))[None, :]
        return jnp.where(there, values, 0.0), there

    return look


def _check(tasks, total, counts, losses) -> None:
    if not (np.isfinite(losses).all() and np.isfinite(total).all()):
        raise ValueError(
            "Expected finite losses, found NaN or infinite ones: training diverged. "
            "Choose a smaller learning rate."
        )
    if not counts.all():
        i, j = np.argwhere(counts == 0)[0].tolist()
        raise ValueError(
            f"Expected every pair of tasks in some batch with a loss above 0, found "
            f"none for {tasks[i]!r} and {tasks[j]!r}. Train for more epochs, measure "
            f"at more steps, or take larger batches."
        )
