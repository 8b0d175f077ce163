"""Optimizers that see each task's gradient of the shared parameters by itself.

An optax transformation sees one gradient, J^T w. A `PerTask` is told the number of
tasks and who owns which parameter (`bind`), and gives a transformation whose update
takes the weighed gradients w_t g_t, stacked, beside it. It is an option of `optimizer=`
and goes with every model, and with every balancer that returns weights.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from mtlx import tree
from mtlx.balancers.stacked import along, zeros
from mtlx.gradients import Owner, Path, join, split
from mtlx.train.optimizers.row_wise import RowWise
from mtlx.types import Array, Balancer, Direction, Needs, PyTree, Signals


class TaskWise(optax.GradientTransformationExtraArgs):
    """`update(gradient, state, params, *, stacked, signals)`, see `scale_by_tasks`."""


class PerTask(NamedTuple):
    """`bind(num_tasks, owner)` gives the transformation for one model."""

    bind: Callable[[int, Owner], TaskWise]


Optimizer = optax.GradientTransformation | PerTask | RowWise


class TaskMoments(NamedTuple):
    """State: one of the base for each task's shared and for all own parameters."""

    shared: PyTree  # leaves [T, ...]
    own: PyTree
    balancer: PyTree


def bind(
    optimizer: Optimizer,
    num_tasks: int,
    owner: Owner,
    tables: Sequence[Path] | None = None,
) -> optax.GradientTransformation:
    """The transformation for this model; most optimizers are one already.

    Args:
        optimizer: what to bind.
        num_tasks, owner: of the model; for a `PerTask`.
        tables: paths of the model's embedding tables (`mtlx.models.find_tables`); for a
            `RowWise`. Without any, it is its dense optimizer.

    Raises:
        ValueError: a `RowWise` that is not told the tables.
    """
    if isinstance(optimizer, PerTask):
        return optimizer.bind(num_tasks, owner)
    if isinstance(optimizer, RowWise):
        if tables is None:
            raise ValueError(
                "A row-wise optimizer expected the paths of the embedding tables that "
                "the model reads by `mtlx.models.lookup`, found None. Pass "
                "tables=find_tables(model, features)."
            )
        return optimizer.bind(tables)
    return optimizer


def needs_of(optimizer: optax.GradientTransformation, balancer: Balancer) -> Needs:
    """What the step must measure for the two of them."""
    extra = {"grads"} if isinstance(optimizer, TaskWise) else set()
    return balancer.needs | extra


def tasks_apart(
    optimizer: optax.GradientTransformation,
    signals: Signals,
    decision: Array | Direction,
    penalty: PyTree | None = None,
) -> dict[str, PyTree]:
    """The further arguments of the optimizer's update; most take none.

    The gradient of a penalty, which is no task's, is shared out equally among the tasks
    that are present, so that the stacked gradients still add up to the whole.

    Raises:
        ValueError: the balancer does not return weights.
    """
    if not isinstance(optimizer, TaskWise):
        return {}
    if isinstance(decision, Direction):
        raise ValueError(
            "An optimizer with moments of each task expected a balancer that returns "
            "weights, found one that returns a direction. Use balancer=equal."
        )
    stacked = jax.tree.map(lambda g: along(decision, g) * g, signals.grads)
    if penalty is not None:
        shares = signals.present / jnp.maximum(jnp.sum(signals.present), 1)
        stacked = jax.tree.map(
            lambda g, r: g + along(shares, g) * r[None], stacked, penalty
        )
    return {"stacked": stacked, "signals": signals}


def scale_by_tasks(
    base: optax.GradientTransformation,
    balancer: Balancer,
    num_tasks: int,
    owner: Owner,
) -> optax.GradientTransformationExtraArgs:
    """sum_t a_t D_t, D_t what `base` makes of w_t g_t alone; own parameters: `base`.

    Args:
        base: with a state for each task, e.g. `optax.scale_by_adam()`.
        balancer: gives the a_t from the Gram matrix of the D_t.
        num_tasks, owner: of the model.

    An absent task keeps its state and has no part in the update.
    """

    def init(params):
        shared, own = split(params, owner)
        return TaskMoments(
            shared=jax.vmap(base.init, axis_size=num_tasks)(zeros(num_tasks, shared)),
            own=base.init(own),
            balancer=balancer.init(num_tasks),
        )

    def update(gradient, state, params=None, *, stacked, signals):
        del params
        present = signals.present
        each, moved = jax.vmap(lambda g, s: base.update(g, s))(stacked, state.shared)
        moved = jax.tree.map(
            lambda n, o: jnp.where(along(present, n), n, o), moved, state.shared
        )
        each = jax.tree.map(lambda d: jnp.where(along(present, d), d, 0.0), each)
        if "gram" in balancer.needs:
            signals = signals._replace(gram=tree.gram(each, num_tasks))
        weights, after = balancer.update(signals, state.balancer)
        plain, own = base.update(split(gradient, owner)[1], state.own)
        direction = join(tree.weighted_sum(weights, each), plain)
        return direction, TaskMoments(moved, own, after)

    return optax.GradientTransformationExtraArgs(init, update)


def per_task_adam(
    learning_rate: optax.ScalarOrSchedule,
    b1: float,
    b2: float,
    eps: float,
    balancer: Balancer,
) -> PerTask:
    """Adam on each task by itself, joined by `balancer`; see `scale_by_tasks`."""
    adam = optax.scale_by_adam(b1, b2, eps)

    def bind(num_tasks, owner):
        chain = optax.chain(
            scale_by_tasks(adam, balancer, num_tasks, owner),
            optax.scale_by_learning_rate(learning_rate),
        )
        return TaskWise(*chain)

    return PerTask(bind)
