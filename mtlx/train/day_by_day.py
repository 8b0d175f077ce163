"""Test, then train: a model that goes on learning day after day, and a frozen one."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from mtlx.data.dataset import Dataset
from mtlx.data.feed import make_feed
from mtlx.data.later_days import Day
from mtlx.train.compiling import jit
from mtlx.train.evaluate import make_apply, make_scorer
from mtlx.train.optimizers.per_task import Optimizer
from mtlx.train.plan import Plan, Settings, check_sizes, make_plan
from mtlx.train.selection import Scores
from mtlx.train.state import Step, TrainState, order_key
from mtlx.types import Array, Balancer, Batch, PRNGKeyArray


class DayScores(NamedTuple):
    """Both models on the rows of a day that neither has been trained on."""

    date: int  # YYYYMMDD
    rows: int
    frozen: Scores
    tuned: Scores


class DayByDay(NamedTuple):
    """The compiled programs of a model and its later days, for any number of runs.

    `plan` makes a state, for its structure; `run(state)` goes through the days. It
    takes the memory of the state that it is given.
    """

    plan: Plan
    run: Callable[[TrainState], Iterator[tuple[DayScores, TrainState]]]


def make_day_by_day(
    model: nn.Module,
    dataset: Dataset,
    days: Sequence[Day],
    balancer: Balancer,
    optimizer: Optimizer,
    *,
    batch_size: int = 1024,
    eval_batch_size: int = 2048,
    settings: Settings | None = None,
) -> DayByDay:
    """From a state trained on `dataset.train`: test each day, then train on it.

        scores_d = score(day d; theta_0), score(day d; theta_{d-1})
        theta_d  = one pass of training steps over the rows of day d, from theta_{d-1}

    theta_0 is the state's: optimizer and balancer go on as they are, the learning rate
    too. A pass is over a fresh permutation of the day's rows; those that do not fill a
    last batch are left out of training, never of the scores. One program trains on
    every day, however many rows it has, and one scores it.

    Args:
        model, dataset, balancer, optimizer: those that the state was trained with.
        days: in order, of one shape (`mtlx.data.later_days`).
        batch_size: rows a step.
        eval_batch_size: rows a forward pass in evaluation.
        settings: how the step is made; None: the defaults.

    Raises:
        ValueError: a size below 1, no day, or one with fewer rows than a batch; a task
            whose loss is of lists.
    """
    check_sizes(batch_size=batch_size, eval_batch_size=eval_batch_size)
    _check_days(days, batch_size)
    if lists := [task.name for task in dataset.tasks if task.listwise]:
        raise ValueError(
            f"Expected tasks whose loss is of single rows, found {', '.join(lists)} "
            f"(kind ranking): a day's rows come one by one. Leave them out."
        )
    settings = settings or Settings()
    model, tasks = settings.cast(model), dataset.tasks
    feed = make_feed(dataset.train, batch_size)
    plan = make_plan(model, balancer, optimizer, tasks, feed, settings)
    train, catalogues = _make_pass(plan.step, batch_size), dataset.catalogues
    apply = make_apply(model, None, tasks, catalogues)
    scorers = [
        make_scorer(apply, tasks, day.rows, eval_batch_size, catalogues=catalogues)
        for day in days
    ]

    def run(state):
        frozen = jax.tree.map(jnp.copy, state.variables)
        for day, score in zip(days, scorers, strict=True):
            pair = (score(frozen), score(state.variables))
            rows = day.rows._replace(groups=None)
            state = train(state, rows, day.count, day.date)
            yield DayScores(day.date, day.count, *pair), state

    return DayByDay(plan, run)


def _make_pass(
    step: Step, batch_size: int
) -> Callable[[TrainState, Batch, int, int], TrainState]:
    """One pass over the first `count` rows; the number is data, not shape."""

    def one_pass(state, rows, count, date):
        key = order_key(state.key, date)
        order = shuffled(key, jax.tree.leaves(rows)[0].shape[0], count)

        def one(number, state):
            first = number * batch_size
            index = jax.lax.dynamic_slice_in_dim(order, first, batch_size)
            return step(state, jax.tree.map(lambda x: jnp.take(x, index, 0), rows))[0]

        return jax.lax.fori_loop(0, count // batch_size, one, state)

    return jit(one_pass, donate_argnums=0)


def shuffled(key: PRNGKeyArray, total: int, count: Array | int) -> Array:
    """[total] the numbers below `count` in random order, then the others.

    >>> shuffled(jax.random.key(0), 5, 3).tolist()[3:]
    [3, 4]
    """
    draw = jax.random.bits(key, (total,), "uint32")
    last = jnp.arange(total) >= count
    return jnp.lexsort((draw, last))


def _check_days(days: Sequence[Day], batch_size: int) -> None:
    if not days:
        raise ValueError("Expected at least one day after the training days, found 0.")
    shortest = min(days, key=lambda day: day.count)
    if shortest.count < batch_size:
        raise ValueError(
            f"Expected days of at least one batch, found {shortest.count} rows on "
            f"{shortest.date} for batch_size={batch_size}. Choose a batch_size <= "
            f"{shortest.count}."
        )
