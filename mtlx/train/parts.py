"""A training batch in parts, whose losses and gradients are summed."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from mtlx.train.axis import ALONE, Axis
from mtlx.types import Array, Batch, PyTree


class Part(NamedTuple):
    """Some rows of a batch; every leaf has an axis of parts before it is scanned."""

    rows: Batch
    share: Array  # [T] of each task's rows in the batch
    number: Array  # [] int32
    added_share: Array | None = None  # [T] of the rows of what the model adds to a loss


def split_batch(
    batch: Batch, tasks: Sequence[str], count: int, axis: Axis = ALONE
) -> Part:
    """`count` parts of one size, stacked: leaves [count, rows / count, ...].

    The rows of a part are those of all devices on the axis; its shares are in the order
    of `tasks`, which a dictionary of columns does not keep.

    Raises:
        ValueError: the number of rows (of each device) is not a multiple of `count`.
    """
    rows = len(next(iter(batch.labels.values())))
    if rows % count:
        raise ValueError(
            f"Expected a batch (on each device) that accumulate={count} divides, found "
            f"{rows} rows. Change batch_size or accumulate."
        )
    parts = jax.tree.map(
        lambda x: jnp.reshape(x, (count, len(x) // count, *x.shape[1:])), batch
    )
    counts = jnp.stack(
        [jnp.sum(parts.where[task], axis=1, dtype=jnp.float32) for task in tasks],
        axis=1,
    )
    counts = axis.total(counts)
    share = counts / jnp.maximum(jnp.sum(counts, axis=0), 1.0)[None]
    return Part(parts, share, jnp.arange(count))


def share_added(parts: Part, aux_of: Callable[[Batch], dict[str, Any]]) -> Part:
    """The parts with their shares of what the model adds to its tasks' losses.

    Such an addition (`MultiTaskModel.auxiliary_losses`) is a mean over rows of its own,
    of which a part may have another share than of the task's rows. Which rows these are
    depends on labels and masks alone, so that the compiler drops all else of this
    forward pass.

    Args:
        parts: leaves [M, ...].
        aux_of: rows -> what the forward pass reports of them, with "added_rows" [T] and
            "present" [T] where the model adds something.
    """

    def counted(rows):
        aux = aux_of(rows)
        return (aux["added_rows"], aux["present"]) if "added_rows" in aux else None

    if jax.eval_shape(counted, jax.tree.map(lambda x: x[0], parts.rows)) is None:
        return parts
    counts, present = jax.lax.map(counted, parts.rows)
    share = counts / jnp.maximum(jnp.sum(counts, axis=0), 1.0)[None]
    there = jnp.any(present, axis=0)[None]
    return parts._replace(added_share=jnp.where(there, share, 0.0))


def part_losses(
    forward: Callable[..., tuple[Array, dict[str, Any]]], key: Array, count: int
) -> Callable[[PyTree, Part, PyTree], tuple[Array, dict[str, Any]]]:
    """The loss function of a part, as `mtlx.gradients.measure_accumulated` takes it.

    The mean over a task's rows in the part counts by its share of the task's rows in
    the whole batch, so that the sum over the parts is the mean over the batch; what the
    model adds to a loss counts by the part's share of its own rows; of a penalty, that
    has no rows, each part counts alike. The model's state (statistics of
    a batch norm) goes from part to part: those are statistics of the parts, not of the
    batch, and differ from them by nature.

    Args:
        forward: (model_state, batch, dropout key, params) -> (losses [T], aux).
        key: of the dropout; a part folds in its number.
        count: number of parts.
    """

    def losses(params, part, model_state):
        part_key = jax.random.fold_in(key, part.number)
        losses, aux = forward(model_state, part.rows, part_key, params)
        reported = {"carry": aux["model_state"], "present": aux["present"]}
        if "penalty" in aux:
            reported["penalty"] = aux["penalty"] / count
        if part.added_share is None:
            return part.share * losses, reported
        added = part.added_share * aux["added"]
        return part.share * aux["own"] + added, reported

    return losses
