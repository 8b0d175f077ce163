"""Labels of tasks, and the rows that count for each."""

from collections.abc import Mapping, Sequence

import numpy as np

from mtlx.data.errors import DataError
from mtlx.tasks import Task

MISSING = -1  # as a class; a missing number is NaN
AMOUNTS = ("ziln", "ranking")  # kinds whose label is a number of 0 or more
NUMBERS = ("regression", *AMOUNTS)  # kinds whose label is a number, not a class


def build_labels(
    columns: Mapping[str, np.ndarray], tasks: Sequence[Task]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """`labels` and `where` of a `Batch` from raw columns.

    A row counts for a task where its label is there and, if the task has a sample
    space, where the space's column is 1. NaN is a missing label of any task, -1 one of
    a binary, multiclass, multilabel or retrieval task. Where a row does not count its
    label is set to 0, so that no NaN reaches a loss. A label outside the sample space
    is not looked at. A row of a multilabel task counts where any of its labels is
    there; the missing ones stay -1, which its loss and metrics leave out. One of a
    vector task counts where all of its values are there.

    Args:
        columns: name -> [B], with `task.label` and `task.space` of every task; labels
            of a multilabel task are [B, K] whole numbers, of a vector task [B, K].
        tasks: the tasks.

    Returns:
        labels: task -> [B], int32 for multiclass and retrieval tasks, float32 for the
            others; [B, K] int8 for multilabel tasks, [B, K] float32 for vector tasks.
        where: task -> [B] bool.

    Raises:
        DataError: a column is missing, a label is no class of its task or an amount
            below 0, or a space column holds something other than 0 and 1.
    """
    labels, where = {}, {}
    for task in tasks:
        labels[task.name], where[task.name] = _labels_of(columns, task)
    return labels, where


def _labels_of(columns, task: Task) -> tuple[np.ndarray, np.ndarray]:
    if task.kind == "multilabel":
        return _many_labels_of(columns, task)
    if task.kind == "vector":
        return _values_of(columns, task)
    raw = np.asarray(_column(columns, task, task.label), np.float64)
    where = ~np.isnan(raw)
    if task.kind not in NUMBERS:
        where &= raw != MISSING
    where &= _space_of(columns, task)
    if task.kind in AMOUNTS:
        _refuse(task, task.label, raw, (raw >= 0) | ~where, "an amount of 0 or more")
    if task.kind == "retrieval":
        allowed = (raw >= 0) & (raw == np.floor(raw)) | ~where
        _refuse(task, task.label, raw, allowed, "the number of an item, or missing")
    elif task.kind not in NUMBERS:
        classes = task.num_classes or 2
        allowed = np.isin(raw, np.arange(classes)) | ~where
        _refuse(task, task.label, raw, allowed, f"0 .. {classes - 1} or missing")
    whole = task.kind in ("multiclass", "retrieval")
    dtype = np.int32 if whole else np.float32
    return np.where(where, raw, 0).astype(dtype), where


def _many_labels_of(columns, task: Task) -> tuple[np.ndarray, np.ndarray]:
    # Not by way of float64: there may be hundreds of labels a row.
    raw = _column(columns, task, task.label)
    if raw.dtype.kind not in "iub" or raw.shape[1:] != (task.num_classes,):
        raise DataError(
            f"Task {task.name!r}, column {task.label!r}: expected whole numbers of "
            f"shape [B, {task.num_classes}], found {raw.dtype} of {raw.shape}. Mend "
            f"the column, or the task's kind, label or num_classes."
        )
    where = (raw != MISSING).any(axis=1) & _space_of(columns, task)
    allowed = np.isin(raw, (0, 1, MISSING)).all(axis=1) | ~where
    _refuse(task, task.label, raw, allowed, f"0, 1 or {MISSING} (missing)")
    return np.where(where[:, None], raw, 0).astype(np.int8), where


def _values_of(columns, task: Task) -> tuple[np.ndarray, np.ndarray]:
    raw = _column(columns, task, task.label)
    if raw.dtype.kind not in "iuf" or raw.shape[1:] != (task.num_values,):
        raise DataError(
            f"Task {task.name!r}, column {task.label!r}: expected numbers of shape "
            f"[B, {task.num_values}], found {raw.dtype} of {raw.shape}. Mend the "
            f"column, or the task's kind, label or num_values."
        )
    where = ~np.isnan(raw).any(axis=1) & _space_of(columns, task)
    return np.where(where[:, None], raw, 0).astype(np.float32), where


def _space_of(columns, task: Task) -> np.ndarray:
    """[B] bool, or [] where the task has every row."""
    if task.space is None:
        return np.ones((), bool)
    space = np.asarray(_column(columns, task, task.space), np.float64)
    _refuse(task, task.space, space, np.isin(space, (0, 1)), "0 or 1")
    return space == 1


def _column(columns, task: Task, name: str) -> np.ndarray:
    if name not in columns:
        raise DataError(
            f"Task {task.name!r}: expected a column {name!r}, found the columns "
            f"{sorted(columns)}. Mend the task's label or space."
        )
    return np.asarray(columns[name])


def _refuse(task: Task, name: str, column, allowed: np.ndarray, expected: str) -> None:
    """Raises unless every row of `column` is allowed."""
    if not allowed.all():
        row = int(np.argmin(allowed))
        raise DataError(
            f"Task {task.name!r}, column {name!r}, row {row}: expected {expected}, "
            f"found {column[row]}. Mend the column, or the task's kind, label or space."
        )
