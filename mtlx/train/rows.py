"""Steps whose cost follows the batch: embedding tables reduced to the rows it reads.

The rows of a table that a batch does not read have no gradient. So a step gathers the
others into a small state, measures, decides and applies on that, and scatters it back:
losses, gradients and Gram matrices of any form are exact, and no array of the table's
size is made or passed over.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import traverse_util

from mtlx.gradients import Path
from mtlx.models.lookup import TOUCHED, read_rows
from mtlx.train.state import Step, TrainState
from mtlx.types import Array, Batch, Int, PyTree


class Some:
    """Part of the rows of a table, the slots that are left over being padding.

    Args:
        reads: [N] row ids, repeated, in any order; N is the number of slots.
        rows: R, of the table.
    """

    def __init__(self, reads: Int[Array, "reads"], rows: int):
        ordered = jnp.sort(reads)
        again = jnp.concatenate([jnp.zeros(1, bool), ordered[1:] == ordered[:-1]])
        # Each slot has an id of its own, so that the scatter may go in any order; those
        # of padding are beyond the table, and dropped there.
        spare = rows + 1 + jnp.arange(reads.size, dtype=ordered.dtype)
        self.ids = jnp.sort(jnp.where(again, spare, ordered))

    def gather(self, leaf: Array, axis: int = 0) -> Array:
        """The rows of a leaf; a padding slot holds the last row of the table."""
        return jnp.take(leaf, self.ids, axis, mode="clip", indices_are_sorted=True)

    def scatter(self, leaf: Array, rows: Array, axis: int = 0) -> Array:
        """The leaf with its rows replaced."""
        place = leaf.at[(slice(None),) * axis + (self.ids,)]
        return place.set(
            rows, mode="drop", indices_are_sorted=True, unique_indices=True
        )


class Every:
    """All rows of a table that has no more of them than the batch has reads."""

    ids = None

    def __init__(self, reads: Int[Array, "reads"], rows: int):
        self.read = jnp.zeros(rows, bool).at[reads].set(True, mode="drop")

    def gather(self, leaf: Array, axis: int = 0) -> Array:
        """The leaf itself."""
        del axis
        return leaf

    def scatter(self, leaf: Array, rows: Array, axis: int = 0) -> Array:
        """The leaf with the rows that were read replaced."""
        after = (1,) * (leaf.ndim - axis - 1)
        read = self.read.reshape((1,) * axis + self.read.shape + after)
        return jnp.where(read, rows, leaf)


Touched = dict[Path, Some | Every]


def by_rows(step: Step, model: nn.Module, axis: str | None = None) -> Step:
    """`step` on the rows of the tables that the batch reads; others stay as they are.

    "Read" is by the forward pass on any row of the batch, whether or not a task has a
    label there. A balancer that tracks gradients (MoCo, ...) keeps what it tracked of
    the other rows, and weighs by those that are read.

    Args:
        step: with an optimizer that `mtlx.train.optimizers.row_wise` made.
        model: reads its tables by `mtlx.models.lookup`.
        axis: name of the axis that the batch is split over, inside `pmap` or
            `shard_map`: every device then holds the rows that any of them reads, so
            that their gradients are of one shape and may be averaged.
    """

    def lazily(state, batch):
        touched = touch(model, state, batch, axis)
        small, metrics = step(gather(state, touched), batch)
        return scatter(state, small, touched), metrics

    return lazily


def touch(
    model: nn.Module, state: TrainState, batch: Batch, axis: str | None = None
) -> Touched:
    """The rows that a batch reads of each table that the optimizer treats by rows."""
    params = traverse_util.flatten_dict(state.params)
    reads = read_rows(model, state.variables, batch.features)
    if axis is not None:
        reads = jax.tree.map(
            lambda ids: jax.lax.all_gather(ids, axis, tiled=True), reads
        )

    def of(path):
        rows = len(params[path])
        return (Some if reads[path].size < rows else Every)(reads[path], rows)

    return {path: of(path) for path in state.opt_state.rows}


def gather(state: TrainState, touched: Touched) -> TrainState:
    """The small state."""
    params = traverse_util.flatten_dict(state.params)
    params |= {path: rows.gather(params[path]) for path, rows in touched.items()}
    ids = {path: rows.ids for path, rows in touched.items() if rows.ids is not None}
    held = {TOUCHED: traverse_util.unflatten_dict(ids)} if ids else {}
    opt_rows = {
        path: jax.tree.map(rows.gather, state.opt_state.rows[path])
        for path, rows in touched.items()
    }
    return state._replace(
        params=traverse_util.unflatten_dict(params),
        model_state={**state.model_state, **held},
        opt_state=state.opt_state._replace(rows=opt_rows),
        balancer_state=_tracked(
            lambda rows, axis, leaf: rows.gather(leaf, axis),
            touched,
            state.balancer_state,
        ),
    )


def scatter(state: TrainState, small: TrainState, touched: Touched) -> TrainState:
    """`state` after the step that led to `small`."""
    before, after = (traverse_util.flatten_dict(s.params) for s in (state, small))
    params = after | {
        path: rows.scatter(before[path], after[path]) for path, rows in touched.items()
    }
    opt_rows = {
        path: jax.tree.map(
            rows.scatter, state.opt_state.rows[path], small.opt_state.rows[path]
        )
        for path, rows in touched.items()
    }
    return small._replace(
        params=traverse_util.unflatten_dict(params),
        model_state={k: v for k, v in small.model_state.items() if k != TOUCHED},
        opt_state=small.opt_state._replace(rows=opt_rows),
        balancer_state=_tracked(
            lambda rows, axis, old, new: rows.scatter(old, new, axis),
            touched,
            state.balancer_state,
            small.balancer_state,
        ),
    )


def _tracked(change, touched: Touched, *states: PyTree) -> PyTree:
    """`change` on what a balancer's states hold of the tables' shape, maybe stacked.

    Such a leaf is below the table's path, [R, D] or [T, R, D].
    """

    def at(keys, *leaves):
        paths = [key.key for key in keys if isinstance(key, jax.tree_util.DictKey)]
        path = next((path for path in paths if path in touched), None)
        if path is None:
            return leaves[-1]
        return change(touched[path], leaves[0].ndim - 2, *leaves)

    return jax.tree_util.tree_map_with_path(at, *states)
