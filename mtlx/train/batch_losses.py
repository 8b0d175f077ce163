"""The losses of a batch: of each task, and what models add to them."""

import flax.linen as nn
import jax.numpy as jnp

from mtlx.losses import masked_mean
from mtlx.tasks import Task
from mtlx.train.axis import ALONE, Axis
from mtlx.train.measuring import Measuring
from mtlx.types import Array, Batch


def task_losses(
    tasks: tuple[Task, ...],
    outputs: dict[str, Array],
    batch: Batch,
    axis: Axis = ALONE,
    untrained: tuple[str, ...] = (),
) -> tuple[Array, Array]:
    """Mean loss of each task over its own rows [T], and which tasks have any [T].

    The rows are those of all devices on the axis.

    A label that does not count may be NaN: it is replaced before the loss, since a
    masked NaN would still reach the gradient as 0 * NaN. A task in `untrained` is
    absent, whatever its rows. A ranking task's loss is the mean over its lists. The
    rows of a retrieval task are candidates of each other, over all devices.
    """
    losses, present = [], []
    for task in tasks:
        where = batch.where[task.name]
        if task.name in untrained:
            where = jnp.zeros_like(where)
        labels = _known(batch.labels[task.name], where)
        present.append(jnp.sum(where))
        if task.listwise:
            groups = _groups(task, batch)
            values, where = task.loss(outputs[task.name], labels, where, groups)
        else:
            extra = (where, axis.gather) if task.kind == "retrieval" else ()
            values = task.loss(outputs[task.name], labels, *extra)
        losses.append(masked_mean(values, where, axis.name))
    return axis.total(jnp.stack(losses)), axis.total(jnp.stack(present)) > 0


def model_losses(
    model: nn.Module,
    tasks: tuple[Task, ...],
    outputs: dict[str, Array],
    handed: dict[str, Array],
    batch: Batch,
    axis: Axis = ALONE,
) -> tuple[Array, Array]:
    """`task_losses` with what the model adds to them, where the task has rows.

    Args:
        model, tasks, batch, axis: as in `make_step`.
        outputs: what the model returned.
        handed: the collection "auxiliary" beside it (`MultiTaskModel.hand_over`).
    """
    losses, present = task_losses(tasks, outputs, batch, axis, model.untrained())
    added = added_losses(model, tasks, outputs, handed, batch, axis)
    if added is None:
        return losses, present
    return losses + jnp.where(present, added[0], 0.0), present


def added_losses(
    model: nn.Module,
    tasks: tuple[Task, ...],
    outputs: dict[str, Array],
    handed: dict[str, Array],
    batch: Batch,
    axis: Axis = ALONE,
) -> tuple[Array, Array] | None:
    """What the model adds to each task's loss [T], and over how many rows [T].

    The arguments are those of `model_losses`; None where the model adds nothing.
    """
    labels = {name: _known(batch.labels[name], batch.where[name]) for name in outputs}
    added = model.auxiliary_losses(outputs, handed, labels, batch.where)
    if not added:
        return None
    names = [task.name for task in tasks]
    shares = [
        masked_mean(*added[name], axis.name) if name in added else 0.0 for name in names
    ]
    rows = [
        jnp.sum(added[name][1], dtype=jnp.float32) if name in added else 0.0
        for name in names
    ]
    return axis.total(jnp.array(shares)), axis.total(jnp.array(rows))


def check_lists(tasks: tuple[Task, ...], axis: Axis, measuring: Measuring) -> None:
    """Refuses what would cut lists in two, so that the losses are not the batch's."""
    lists = [task.name for task in tasks if task.listwise]
    if lists and (axis.name is not None or measuring.accumulate > 1):
        raise ValueError(
            f"Tasks {lists}: a loss of lists expected whole batches, found "
            f"accumulate={measuring.accumulate} on {axis.size} devices with rows of "
            f"their own; use accumulate=1 and, on many devices, parallel=jit or fsdp."
        )


def _groups(task: Task, batch: Batch) -> Array:
    if batch.groups is None:
        raise ValueError(
            f"Task {task.name!r}: expected groups of training rows, e.g. queries, for "
            f"a loss of lists, found none; give the training split Batch.groups."
        )
    return batch.groups


def _known(labels: Array, where: Array) -> Array:
    where = where.reshape(where.shape + (1,) * (labels.ndim - 1))
    return jnp.where(where, labels, jnp.zeros_like(labels))
