"""The columns that tasks are read from, checked cell by cell."""

from collections.abc import Mapping, Sequence

import numpy as np

from mtlx.data.errors import DataError
from mtlx.data.labels import MISSING
from mtlx.data.tabular.cells import read_classes, read_numbers, refuse_rows
from mtlx.data.tabular.raw_table import RawTable
from mtlx.tasks import Task

AMOUNTS = ("regression", "ziln")
RANKED = ("auc", "gauc")  # not defined where there is one class


def read_labels(
    raw: RawTable,
    tasks: Sequence[Task],
    classes: Mapping[str, Sequence[str]],
    missing: Sequence[str],
) -> dict[str, np.ndarray]:
    """Column -> [B] float64, of all labels and sample spaces; NaN where missing.

    Args:
        raw: the rows.
        tasks: whose `label` and `space` are read.
        classes: column -> its values in the order of their numbers, of columns of text.
        missing: texts that stand for nothing.

    Raises:
        DataError: a cell is no label of its task, or a space neither 0 nor 1.
    """
    columns: dict[str, np.ndarray] = {}
    for name in label_names(tasks):
        if name in classes:
            columns[name] = read_classes(raw, name, classes[name], missing)
        else:
            columns[name] = read_numbers(raw, name, missing)
    for task in tasks:
        space = None if task.space is None else columns[task.space]
        if space is not None:
            allowed = np.isin(space, (0, 1))
            refuse_rows(raw, task.space, allowed, "0 or 1 (a sample space)", space)
        label = columns[task.label]
        there = ~np.isnan(label) & (space != 0 if space is not None else True)
        if task.kind not in AMOUNTS:
            known = np.isin(label, (*range(task.num_classes or 2), MISSING))
            expected = f"a class from 0 to {(task.num_classes or 2) - 1}, or nothing"
            refuse_rows(raw, task.label, known | ~there, expected, label)
    return columns


def label_names(tasks: Sequence[Task]) -> list[str]:
    """The columns of labels and sample spaces, each once."""
    named = [name for task in tasks for name in (task.label, task.space) if name]
    return list(dict.fromkeys(named))


def check_labels(
    part: str,
    tasks: Sequence[Task],
    labels: Mapping[str, np.ndarray],
    where: Mapping[str, np.ndarray],
) -> None:
    """Refuses a split in which a task cannot be learnt, or not be scored.

    Training rows must have two values of each label. Of the other splits that is asked
    where the task's headline metric is a ranking one.

    Raises:
        DataError: a label has one value, or no row has it.
    """
    for task in tasks:
        if part != "train" and task.metrics[0] not in RANKED:
            continue
        found = np.unique(labels[task.name][where[task.name]])
        if len(found) < 2:
            only = f"{found[0]:g} alone" if len(found) else "no row that counts"
            raise DataError(
                f"Task {task.name!r}: expected different labels (column "
                f"{task.label!r}) in the {part} split, found {only}. Mend the label or "
                f"the sample space, or split the rows otherwise (data.split)."
            )
