"""The training loop: epochs of scanned chunks, evaluation, model selection."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import flax.linen as nn
import jax
import numpy as np

from mtlx import tree
from mtlx.data.dataset import Dataset
from mtlx.data.feed import Feed, make_feed
from mtlx.train.checkpoint import Checkpointer
from mtlx.train.curve_splits import curve_splits
from mtlx.train.evaluate import make_apply, make_scorer
from mtlx.train.inspect import make_inspector
from mtlx.train.observers import Observer, Start, Watch, score_rows, train_rows
from mtlx.train.optimizers.per_task import Optimizer
from mtlx.train.parallel import OneDevice, make_parallel
from mtlx.train.plan import Settings, check_sizes, make_plan
from mtlx.train.program import Program, chunk_inputs, compile_program
from mtlx.train.result import Result
from mtlx.train.selection import Scores, Selection
from mtlx.train.state import TrainState
from mtlx.types import Balancer, Batch, PyTree


def fit(
    model: nn.Module,
    dataset: Dataset,
    balancer: Balancer,
    optimizer: Optimizer,
    *,
    seed: int = 0,
    epochs: int = 10,
    batch_size: int = 1024,
    eval_batch_size: int = 2048,
    max_chunk_steps: int = 200,
    patience: int | None = None,
    keep: str = "best",
    curves: Sequence[str] = (),
    granularity: str = "all",
    gradients: str = "auto",
    num_probes: int = 16,
    remat: bool = False,
    accumulate: int = 1,
    compute_dtype: str | None = None,
    warm_start: Callable[[PyTree], PyTree] | None = None,
    parallel: str | None = None,
    mesh: Mapping[str, int] | None = None,
    shard_rows: bool = False,
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
        keep: the epoch that is tested, the "best" on validation, the "best_mean" or
            the "last" (`Selection`).
        curves: further splits, "train" and "test", whose metrics the observers are told
            after each epoch; nothing is selected by them.
        granularity: what a Gram matrix is taken over: "all" shared parameters, each
            "layer" by itself, the "last_layer", or the shared "representation"
            (`mtlx.gradients.Cut`).
        gradients: the form in which a Gram matrix is computed: "auto" by size, "vmap",
            "loop", "map", "ghost", "recompute", or the estimate "sketch"
            (`mtlx.gradients.measure`).
        num_probes: random directions of the sketch.
        remat: keep no activations of the shared part; run it again to pull back.
        accumulate: go through a batch in this many parts, with one part's activations
            at a time (`mtlx.train.measuring.Measuring`).
        compute_dtype: of the model's layers, e.g. "bfloat16"; parameters, losses, Gram
            matrix, balancer and optimizer stay float32. None: as the model says.
        warm_start: maps the initial parameters to those that training starts from, e.g.
            `mtlx.pretrain.WarmStart`; None: as they are.
        parallel, mesh, shard_rows: how the run lies on many devices, see
            `mtlx.train.parallel.make_parallel`; None: on one.
        observers: told of progress.
        checkpointer: saves after each epoch; None saves nothing.
        resume: go on from the checkpointer's last epoch, bit for bit.

    Raises:
        ValueError: a number of epochs or a size below 1, a batch larger than the
            training split, or one that does not divide over the devices; curves of a
            split that cannot be scored; options of the gradients that do not go
            together.
        FileNotFoundError: `resume` without a checkpoint.
    """
    check_sizes(
        epochs=epochs,
        batch_size=batch_size,
        eval_batch_size=eval_batch_size,
        max_chunk_steps=max_chunk_steps,
    )
    splits = curve_splits(dataset, curves)
    devices = make_parallel(
        parallel,
        mesh,
        batch_size=batch_size,
        needs=balancer.needs,
        shard_rows=shard_rows,
    )
    feed = devices.place_feed(make_feed(dataset.train, batch_size))
    settings = Settings(
        max_chunk_steps,
        granularity,
        gradients,
        num_probes,
        remat,
        accumulate,
        compute_dtype,
        warm_start,
    )
    model = settings.cast(model)
    plan = make_plan(
        model, balancer, optimizer, dataset.tasks, feed, settings, devices.axis
    )
    state = devices.make_state(plan, jax.random.key(seed))
    selection = Selection.start(dataset.tasks, state.variables, keep, model.untrained())
    first = 0
    if resume:
        state, selection, first = _restore(checkpointer, state, selection)

    watch = Watch(observers)
    try:
        program = compile_program(plan.step, feed, state, *settings.cut(feed), devices)
        start = Start(
            epochs=epochs,
            first_epoch=first,
            steps_per_epoch=program.steps_per_epoch,
            batch_size=batch_size,
            num_parameters=tree.count(state.params),
            compile_seconds=program.compile_seconds,
        )
        watch.start(start, program.chunks)
        scorers = _make_scorers(model, dataset, devices, eval_batch_size, splits)
        run = _Run(program, feed, scorers, watch, checkpointer, epochs, patience)
        return _train_and_test(run, state, selection, first)
    finally:
        watch.end()
        if checkpointer is not None:
            checkpointer.close()


class _Scorers(NamedTuple):
    """Functions of a model's variables."""

    validate: Callable[[PyTree], Scores]
    inspect: Callable[[PyTree], Scores]
    test: Callable[[PyTree], Scores]
    curves: Mapping[str, Callable[[PyTree], Scores]]


def _make_scorers(
    model: nn.Module,
    dataset: Dataset,
    devices: OneDevice,
    batch_size: int,
    splits: Mapping[str, Batch],
) -> _Scorers:
    tasks = dataset.tasks
    apply = make_apply(model, devices, tasks, dataset.catalogues)

    def scorer(rows):
        return make_scorer(apply, tasks, rows, batch_size, devices, dataset.catalogues)

    return _Scorers(
        validate=scorer(dataset.validation),
        inspect=make_inspector(model, tasks, dataset.validation, batch_size, devices),
        # Its rows go to the devices when training is over.
        test=lambda variables: scorer(dataset.test)(variables),
        curves={name: scorer(rows) for name, rows in splits.items()},
    )


class _Run(NamedTuple):
    """What stays the same through all epochs of a run."""

    program: Program
    feed: Feed
    scorers: _Scorers
    watch: Watch
    checkpointer: Checkpointer | None
    epochs: int
    patience: int | None


def _train_and_test(
    run: _Run, state: TrainState, selection: Selection, epoch: int
) -> Result:
    """All epochs after `epoch`, and the one look at the test split."""
    state, selection, epoch, diverged = _train(run, state, selection, epoch)
    return Result.of(
        selection,
        run.scorers.test(selection.variables),
        state=state,
        variables=selection.variables,
        epochs=epoch,
        diverged=diverged,
        num_parameters=tree.count(state.params),
        compile_seconds=run.program.compile_seconds,
        train_seconds=run.watch.train_seconds,
        rows_per_second=run.watch.rows_per_second,
    )


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
        scores = run.scorers.validate(state.variables)
        selection = selection.update(epoch, scores, state.variables)
        for found in (scores, run.scorers.inspect(state.variables)):
            rows += score_rows(found, epoch, int(state.step))
        for split, score in run.scorers.curves.items():
            rows += score_rows(score(state.variables), epoch, int(state.step), split)
        run.watch.epoch(epoch, rows)
        if run.checkpointer is not None:
            record = {"epoch": epoch, "selection": selection.record()}
            run.checkpointer.save(epoch, (state, selection.variables), record)
    return state, selection, epoch, False


def _train_epoch(
    run: _Run, state: TrainState, epoch: int
) -> tuple[TrainState, dict[str, np.ndarray]]:
    """One epoch; the metrics of a chunk are read while the next one runs."""
    history, running = [], None
    with run.watch.training():
        for inputs in chunk_inputs(run.program, run.feed, state.key, epoch):
            state, metrics = run.program.run(state, *inputs)
            if running is not None:
                history.append(jax.device_get(running))
                run.watch.chunk()
            running = metrics
        history.append(jax.device_get(running))
        run.watch.chunk()
    return state, jax.tree.map(lambda *parts: np.concatenate(parts), *history)


def _restore(
    checkpointer: Checkpointer | None, state: TrainState, selection: Selection
) -> tuple[TrainState, Selection, int]:
    """State, selection and number of the last epoch that was saved."""
    if checkpointer is None:
        raise ValueError("resume=True expected a checkpointer, found None.")
    like = (state, selection.variables)
    (state, variables), record = checkpointer.restore(like)
    selection = selection.restored(variables, record["selection"])
    return state, selection, record["epoch"]
