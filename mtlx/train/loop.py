"""The training loop: epochs of scanned chunks, evaluation, model selection."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from mtlx import tree
from mtlx.data.dataset import Dataset
from mtlx.data.feed import Feed, make_feed
from mtlx.gradients import layers, split
from mtlx.train.checkpoint import Checkpointer
from mtlx.train.evaluate import make_apply, make_scorer
from mtlx.train.granularity import check_granularity, per_layer
from mtlx.train.inspect import make_inspector
from mtlx.train.observers import Observer, Start, Watch, score_rows, train_rows
from mtlx.train.optimizers import bind
from mtlx.train.optimizers.per_task import Optimizer
from mtlx.train.program import Program, compile_program, cut_epoch
from mtlx.train.selection import Scores, Selection
from mtlx.train.state import TrainState, init_state
from mtlx.train.step import make_step
from mtlx.types import Balancer, Batch, PyTree


class Result(NamedTuple):
    """What a finished run leaves behind."""

    state: TrainState  # after the last epoch
    variables: PyTree  # of the selected epoch, for model.apply
    validation: Scores  # task -> metric -> value, at the selected epoch
    test: Scores
    best_epoch: int  # counted from 1; 0: the first epoch diverged, scores are NaN
    epochs: int  # epochs run, those before a resume included
    diverged: bool  # a loss became NaN or infinite; training stopped there
    num_parameters: int
    compile_seconds: float
    train_seconds: float  # training steps alone: no compilation, no evaluation
    rows_per_second: float


def fit(
    model: nn.Module,
    dataset: Dataset,
    balancer: Balancer,
    optimizer: Optimizer,
    *,
    seed: int = 0,
    epochs: int = 10,
    batch_size: int = 1024,
    eval_batch_size: int = 8192,
    max_chunk_steps: int = 200,
    patience: int | None = None,
    granularity: str = "all",
    observers: Sequence[Observer] = (),
    checkpointer: Checkpointer | None = None,
    resume: bool = False,
) -> Result:
    """Trains `model` on all tasks of `dataset`, and tests the best epoch once.

    After each epoch the validation split is scored, and what gates and experts do on it
    is written down (`mtlx.train.inspect`); the epoch with the best score
    (`mtlx.train.selection`) is kept, and only its parameters meet the test split.

    Args:
        model: linen module of `mtlx.models`.
        dataset: splits, schema and tasks.
        balancer: weighs the tasks on the shared parameters.
        optimizer: any optax transformation, or one of `mtlx.train.optimizers`.
        seed: the run's randomness: initial values, row order, dropout, balancer.
        epochs: passes over the training split (or of `steps_per_epoch` for a stream).
        batch_size: rows a step.
        eval_batch_size: rows a forward pass in evaluation.
        max_chunk_steps: most steps in one dispatch (`program.cut_epoch`).
        patience: stop after this many epochs without a better score; None: never.
        granularity: what a Gram matrix is taken over: "all" shared parameters, each
            "layer" by itself, the "last_layer", or the shared "representation"
            (`mtlx.gradients.Cut`).
        observers: told of progress.
        checkpointer: saves after each epoch; None saves nothing.
        resume: go on from the checkpointer's last epoch, bit for bit.

    Raises:
        ValueError: a number of epochs or a size below 1, or a batch larger than the
            training split.
        FileNotFoundError: `resume` without a checkpoint.
    """
    _check_sizes(
        epochs=epochs,
        batch_size=batch_size,
        eval_batch_size=eval_batch_size,
        max_chunk_steps=max_chunk_steps,
    )
    feed = make_feed(dataset.train, batch_size)
    cut = cut_epoch(feed.steps_per_epoch, max_chunk_steps)
    optimizer = bind(optimizer, len(dataset.tasks), model.owner)
    balancer, granularity = _at_grain(balancer, granularity, model, optimizer, feed)
    step = make_step(
        model, dataset.tasks, optimizer, balancer, math.prod(cut), granularity
    )
    state = _initial_state(model, optimizer, balancer, feed, seed)
    selection, first = Selection.start(dataset.tasks, state.variables), 0
    if resume:
        state, selection, first = _restore(checkpointer, state, selection)

    watch = Watch(observers)
    try:
        program = compile_program(step, feed, state, *cut)
        start = Start(
            epochs=epochs,
            first_epoch=first,
            steps_per_epoch=program.steps_per_epoch,
            batch_size=batch_size,
            num_parameters=tree.count(state.params),
            compile_seconds=program.compile_seconds,
        )
        watch.start(start, program.chunks)
        apply = make_apply(model)
        validate = make_scorer(
            apply, dataset.tasks, dataset.validation, eval_batch_size
        )
        inspect = make_inspector(
            model,
            tuple(task.name for task in dataset.tasks),
            state.variables,
            dataset.validation,
            eval_batch_size,
        )
        run = _Run(
            program, feed, validate, inspect, watch, checkpointer, epochs, patience
        )
        state, selection, epoch, diverged = _train(run, state, selection, first)
        test = make_scorer(apply, dataset.tasks, dataset.test, eval_batch_size)
        scores = test(selection.variables)
    finally:
        watch.end()
        if checkpointer is not None:
            checkpointer.close()
    unscored = jax.tree.map(lambda _: math.nan, scores)
    return Result(
        state=state,
        variables=selection.variables,
        validation=selection.scores or unscored,
        test=scores if selection.epoch else unscored,
        best_epoch=selection.epoch,
        epochs=epoch,
        diverged=diverged,
        num_parameters=start.num_parameters,
        compile_seconds=program.compile_seconds,
        train_seconds=watch.train_seconds,
        rows_per_second=watch.rows_per_second,
    )


class _Run(NamedTuple):
    """What stays the same through all epochs of a run."""

    program: Program
    feed: Feed
    validate: Callable[[PyTree], Scores]
    inspect: Callable[[PyTree], Scores]
    watch: Watch
    checkpointer: Checkpointer | None
    epochs: int
    patience: int | None


def _train(
    run: _Run, state: TrainState, selection: Selection, epoch: int
) -> tuple[TrainState, Selection, int, bool]:
    """All epochs after `epoch`, until the last, a divergence or lost patience."""
    while epoch < run.epochs and not selection.exhausted(epoch, run.patience):
        epoch += 1
        state, history = _train_epoch(run, state, epoch)
        rows = train_rows(selection.tasks, epoch, int(state.step), history)
        if not np.isfinite(history["loss"]).all():
            run.watch.epoch(epoch, rows)
            return state, selection, epoch, True
        scores = run.validate(state.variables)
        selection = selection.update(epoch, scores, state.variables)
        for found in (scores, run.inspect(state.variables)):
            rows += score_rows(found, epoch, int(state.step))
        run.watch.epoch(epoch, rows)
        if run.checkpointer is not None:
            record = {"epoch": epoch, "selection": selection.record()}
            run.checkpointer.save(epoch, (state, selection.variables), record)
    return state, selection, epoch, False


def _train_epoch(
    run: _Run, state: TrainState, epoch: int
) -> tuple[TrainState, dict[str, np.ndarray]]:
    """One epoch; the metrics of a chunk are read while the next one runs."""
    order = run.program.order(state.key, jnp.int32(epoch))
    history, running = [], None
    with run.watch.training():
        for chunk in range(run.program.chunks):
            state, metrics = run.program.run(
                state, run.feed.arrays, order, jnp.int32(chunk)
            )
            if running is not None:
                history.append(jax.device_get(running))
                run.watch.chunk()
            running = metrics
        history.append(jax.device_get(running))
        run.watch.chunk()
    return state, jax.tree.map(lambda *parts: np.concatenate(parts), *history)


def _initial_state(model, optimizer, balancer, feed, seed) -> TrainState:
    """The state before the first step, made by one compiled program."""

    def init(key, arrays):
        return init_state(model, optimizer, balancer, _first(feed, arrays), key)

    return jax.jit(init)(jax.random.key(seed), feed.arrays)


def _at_grain(
    balancer: Balancer,
    granularity: str,
    model: nn.Module,
    optimizer: optax.GradientTransformation,
    feed: Feed,
) -> tuple[Balancer, str]:
    """The balancer and the granularity that hold for this model."""
    check_granularity(granularity, balancer, optimizer)
    if "gram" not in balancer.needs:
        return balancer, "all"  # nothing is measured: every grain is the same
    if granularity != "layer":
        return balancer, granularity
    variables = jax.eval_shape(
        lambda arrays: model.init(jax.random.key(0), _first(feed, arrays).features),
        feed.arrays,
    )
    shared = layers(split(variables["params"], model.owner)[0])
    if not shared:
        return balancer, "all"
    return per_layer(balancer, len(shared)), granularity


def _first(feed: Feed, arrays: PyTree) -> Batch:
    """A batch, for its shapes."""
    order = feed.order(jax.random.key(0))
    return feed.fetch(arrays, jax.tree.map(lambda x: x[0], order))


def _restore(
    checkpointer: Checkpointer | None, state: TrainState, selection: Selection
) -> tuple[TrainState, Selection, int]:
    """State, selection and number of the last epoch that was saved."""
    if checkpointer is None:
        raise ValueError("resume=True expected a checkpointer, found None.")
    like = (state, selection.variables)
    (state, variables), record = checkpointer.restore(like)
    selection = Selection.restore(selection.tasks, variables, record["selection"])
    return state, selection, record["epoch"]


def _check_sizes(**sizes: int) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"Expected {name} >= 1, found {size}.")
