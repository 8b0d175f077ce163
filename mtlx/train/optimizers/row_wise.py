"""Optimizers that move the rows of an embedding table which a batch reads, no others.

A `RowWise` is told which parameters are tables (`bind`). Its update then takes the rows
[U, D] that were read in place of the tables, in gradient, state and parameters alike:
`mtlx.train.rows` gathers them before the step measures and scatters them after it.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import optax
from flax import traverse_util

from mtlx.gradients import Path, join
from mtlx.types import Array, PyTree


class RowRule(NamedTuple):
    """How rows move: a pair of pure functions for one table.

    `init(table [R, D]) -> state`, every leaf of which is [R, ...], and
    `update(gradient [U, D], state [U, ...], count) -> (update [U, D], state)`, with the
    number of the step, from 1.
    """

    init: Callable[[Array], PyTree]
    update: Callable[[Array, PyTree, Array], tuple[Array, PyTree]]


class RowState(NamedTuple):
    """State: the rule's for each table, and that of all other parameters."""

    count: Array  # [] int32, steps
    rows: dict[Path, PyTree]
    dense: PyTree


class RowWiseTransform(optax.GradientTransformationExtraArgs):
    """`update(gradient, state, params)` on tables held in part; see `row_wise`."""


class RowWise(NamedTuple):
    """`bind(tables)` gives the transformation for the tables of one model."""

    bind: Callable[[Sequence[Path]], RowWiseTransform]


def row_wise(rule: RowRule, dense: optax.GradientTransformation) -> RowWise:
    """`rule` for the tables of a model, `dense` for its other parameters."""
    dense = optax.with_extra_args_support(dense)

    def bind(tables):
        return RowWiseTransform(*_transform(rule, dense, tuple(tables)))

    return RowWise(bind)


def rate_at(learning_rate: optax.ScalarOrSchedule, count: Array) -> Array | float:
    """The learning rate of step number `count`, from 1."""
    return learning_rate(count - 1) if callable(learning_rate) else learning_rate


def _transform(rule, dense, tables) -> tuple[Callable, Callable]:
    def parts(tree):
        flat = traverse_util.flatten_dict(tree)
        rows = {path: flat.pop(path) for path in tables if path in flat}
        return rows, traverse_util.unflatten_dict(flat)

    def init(params):
        rows, others = parts(params)
        return RowState(
            count=jnp.zeros((), jnp.int32),
            rows={path: rule.init(table) for path, table in rows.items()},
            dense=dense.init(others),
        )

    def update(gradient, state, params=None, **extra):
        rows, others = parts(gradient)
        params = None if params is None else parts(params)[1]
        others, dense_state = dense.update(others, state.dense, params, **extra)
        count, moved = state.count + 1, {}
        for path, g in rows.items():
            rows[path], moved[path] = rule.update(g, state.rows[path], count)
        updates = join(rows, traverse_util.flatten_dict(others))
        return updates, RowState(count, moved, dense_state)

    return init, update
