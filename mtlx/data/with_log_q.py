"""A data set that says how often each row's item is in its training split."""

import numpy as np

from mtlx.data.catalogue import log_frequencies
from mtlx.data.dataset import Dataset
from mtlx.types import LOG_Q, Batch


def with_log_q(dataset: Dataset, task: str | None = None) -> Dataset:
    """`dataset` with the feature "log_q" [B] of its training rows, log Q_i of item i.

    Q_i is the item's share of the rows of the training split that count for the task:
    the probability that a row of a batch is about it. For `TwoTower(log_q="counted")`.

    Args:
        dataset: with a catalogue, and a training split in memory.
        task: a retrieval task; None: the only one.

    Raises:
        ValueError: no catalogue, not one retrieval task to choose, or a training split
            that is not in memory.
    """
    retrieval = [t.name for t in dataset.tasks if t.kind == "retrieval"]
    chosen = [name for name in retrieval if task in (None, name)]
    if len(chosen) != 1 or chosen[0] not in dataset.catalogues:
        raise ValueError(
            f"with_log_q: expected a data set with a catalogue and one retrieval task "
            f"to count, found {task or retrieval} among {retrieval}. Set data.task."
        )
    if not isinstance(dataset.train, Batch):
        raise ValueError(
            f"with_log_q: expected a training split in memory, found a "
            f"{type(dataset.train).__name__}. Use model.log_q=streaming."
        )
    items = np.asarray(dataset.train.labels[chosen[0]])
    where = np.asarray(dataset.train.where[chosen[0]])
    counts = np.bincount(
        items[where], minlength=dataset.catalogues[chosen[0]].num_items
    )
    log_q = np.where(where, log_frequencies(counts)[items], 0).astype(np.float32)
    features = {**dataset.train.features, LOG_Q: log_q}
    return dataset._replace(train=dataset.train._replace(features=features))
