"""Predictions and metrics of a model over a whole split, in one dispatch."""

from collections.abc import Callable, Mapping

import flax.linen as nn
import jax
import numpy as np

from mtlx import metrics
from mtlx.data.catalogue import Catalogues, queries
from mtlx.data.feed import num_rows
from mtlx.tasks import Task
from mtlx.train.parallel.one_device import OneDevice
from mtlx.train.ranking import make_forward, targets_of
from mtlx.train.selection import Scores
from mtlx.types import Array, Batch, PyTree

Predict = Callable[[PyTree], dict[str, np.ndarray]]


def make_apply(
    model: nn.Module,
    devices: OneDevice | None = None,
    tasks: tuple[Task, ...] = (),
    catalogues: Catalogues | None = None,
) -> Callable[..., dict[str, Array]]:
    """The compiled forward pass over stacked batches; splits of one size share it.

    The outputs of retrieval tasks are ranks in the whole catalogue
    (`mtlx.train.ranking`).
    """
    devices, forward = devices or OneDevice(), make_forward(tasks, catalogues or {})

    @devices.jit
    def apply(variables, features):
        return forward(model, variables, features)

    return apply


def cut_rows(
    rows: Batch,
    batch_size: int,
    devices: OneDevice | None = None,
    tasks: tuple[Task, ...] = (),
) -> PyTree:
    """The features of `rows` on the devices, in equal batches: [batches, B, ...].

    The last batch is filled up with repeats of row 0, which `join_rows` drops. Beside
    the features is what the ranks of retrieval tasks are taken from.
    """
    devices = devices or OneDevice()
    total = num_rows(rows)
    batch_size = -(-min(batch_size, total) // devices.multiple) * devices.multiple
    batches = -(-total // batch_size)
    index = np.arange(batches * batch_size)
    index[total:] = 0
    return devices.place_rows(
        jax.tree.map(
            lambda x: np.asarray(x)[index].reshape(
                batches, batch_size, *np.shape(x)[1:]
            ),
            dict(rows.features) | targets_of(rows, tasks),
        )
    )


def join_rows(outputs: Mapping[str, np.ndarray], rows: Batch) -> dict[str, np.ndarray]:
    """{task: [N, ...]} of `rows` from what `apply` gives on batches of them."""
    total = num_rows(rows)
    return {
        task: value.reshape(-1, *value.shape[2:])[:total]
        for task, value in outputs.items()
    }


def make_predict(
    apply: Callable[..., dict[str, Array]],
    rows: Batch,
    batch_size: int,
    devices: OneDevice | None = None,
    tasks: tuple[Task, ...] = (),
) -> Predict:
    """A function variables -> {task: outputs [N, ...]} over the features of `rows`."""
    features = cut_rows(rows, batch_size, devices, tasks)

    def predict(variables):
        return join_rows(jax.device_get(apply(variables, features)), rows)

    return predict


def make_scorer(
    apply: Callable[..., dict[str, Array]],
    tasks: tuple[Task, ...],
    rows: Batch,
    batch_size: int,
    devices: OneDevice | None = None,
    catalogues: Catalogues | None = None,
) -> Callable[[PyTree], Scores]:
    """A function variables -> {task: {metric: value}} over the rows of a split."""
    predict = make_predict(apply, rows, batch_size, devices, tasks)
    same = queries(catalogues or {}, rows)

    def score(variables):
        outputs = predict(variables)
        return metrics.evaluate(
            tasks, outputs, rows.labels, rows.where, rows.groups, same
        )

    return score
