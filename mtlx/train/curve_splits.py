"""Splits that are scored for the curves of a run alone."""

from collections.abc import Sequence

from mtlx import metrics
from mtlx.data.dataset import Dataset
from mtlx.types import Batch


def curve_splits(dataset: Dataset, names: Sequence[str]) -> dict[str, Batch]:
    """The splits of these names; training rows with the groups that metrics read.

    Raises:
        ValueError: another name, a training split that is not in memory, or one without
            the groups that a metric of the tasks compares.
    """
    if strange := sorted(set(names) - {"train", "test"}):
        raise ValueError(
            f'Expected curves of "train" or "test", found {strange}; those of '
            f"validation are always there. Mend trainer.curves."
        )
    splits = {name: getattr(dataset, name) for name in names}
    if "train" in splits:
        splits["train"] = _training_rows(dataset)
    return splits


def _training_rows(dataset: Dataset) -> Batch:
    rows = dataset.train
    if not isinstance(rows, Batch):
        raise ValueError(
            f"{dataset.name}: expected training rows in memory for their curves, found "
            f"{type(rows).__name__}. Leave train out of trainer.curves."
        )
    if dataset.train_groups is not None:
        rows = rows._replace(groups=dataset.train_groups)
    grouped = {
        name
        for task in dataset.tasks
        for name in task.metrics
        if metrics.METRICS[name].grouped
    }
    if grouped and rows.groups is None:
        raise ValueError(
            f"{dataset.name}: expected groups of the training rows for "
            f"{', '.join(sorted(grouped))}, found none. Leave train out of "
            f"trainer.curves, or give Dataset.train_groups."
        )
    return rows
