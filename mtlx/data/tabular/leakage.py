"""A search for inputs that say the label."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mtlx.data.categorical import Categorical, as_categorical
from mtlx.data.tabular.input_columns import take_rows
from mtlx.tasks import Task

BINS = 64
CHANCE = 1e-6  # of a pattern of gaps as clear as the one found, where it means nothing
ENOUGH = 10  # rows of either class: fewer are told apart by chance


class LeakageWarning(UserWarning):
    """An input that says the label."""


class Leak(NamedTuple):
    """An input that says the label of a task."""

    column: str
    task: str
    reason: str


def find_leaks(
    columns: Mapping[str, Any],
    tasks: Sequence[Task],
    labels: Mapping[str, np.ndarray],
    where: Mapping[str, np.ndarray],
    threshold: float = 0.999,
    seed: int = 0,
) -> list[Leak]:
    """Columns from which alone a label can be read.

    A column is one where, on the rows that count for a task,

    * its order gives the label an AUC above the threshold (numbers), rising or falling;
      for a regression task: |correlation| above it;
    * the mean label of each of its values (of a number: of 64 quantile bins), taken
      from one random half of the rows, does so on the other half: a function of the
      column, whatever its shape. An id that is new in the other half says nothing;
    * it is empty, or not empty, for rows of one label alone, and the chance of that, at
      the label's rate, is below 1e-6: a refund's date, say, is known for sales only.

    Classes are taken one against the rest; a class of fewer than ten rows is not
    looked at. Texts, lists and times are looked at for being empty alone.

    Args:
        columns: raw inputs: numbers (NaN is missing), ids ("" is missing), lists.
        tasks: with their kinds.
        labels, where: as in a `Batch`.
        threshold: of AUC or |correlation|.
        seed: of the halves.

    Raises:
        ValueError: a threshold that is no share above 1/2.
    """
    if not 0.5 < threshold <= 1:
        raise ValueError(f"Expected 0.5 < threshold <= 1, found {threshold}.")
    leaks = []
    for name, column in columns.items():
        for task in tasks:
            rows = np.flatnonzero(where[task.name])
            label = np.asarray(labels[task.name], np.float64)[rows]
            order = np.random.default_rng(seed).permutation(len(rows))
            reason = _reason(take_rows(column, rows), label, task, threshold, order)
            if reason:
                leaks.append(Leak(name, task.name, reason))
    return leaks


def _reason(
    column: Any, label: np.ndarray, task: Task, threshold: float, order: np.ndarray
) -> str:
    values, there = _values(column)
    if task.kind == "regression":
        targets = {"": label}
    else:
        found = np.unique(label) if task.kind == "multiclass" else (1.0,)
        targets = {f"class {each:g}": (label == each).astype(float) for each in found}
    for which, target in targets.items():
        if which and min(target.sum(), len(target) - target.sum()) < ENOUGH:
            continue
        score = _correlation if not which else _ranking
        if which and (said := _by_gaps(there, target)):
            return f"{said} {which}"
        found = _agreement(values, there, target, score, order)
        if found > threshold:
            kind = "AUC" if which else "|correlation|"
            return f"{kind} {found:.4f} of {which or 'the label'} from it alone"
    return ""


def _values(column: Any) -> tuple[np.ndarray | Categorical | None, np.ndarray]:
    """What is compared, if anything is; and which rows are not empty."""
    if isinstance(column, Categorical):
        return column, (column.values != "")[column.codes]
    if isinstance(column, np.ndarray) and column.dtype.kind == "f":
        return column, ~np.isnan(column)
    if isinstance(column, np.ndarray) and column.dtype.kind in "iub":
        return as_categorical(column), np.ones(len(column), bool)
    if isinstance(column, np.ndarray):
        return None, np.ones(len(column), bool)
    return None, np.diff(column.ends, prepend=0) > 0  # lists, texts


def _by_gaps(there: np.ndarray, target: np.ndarray) -> str:
    rate = float(target.mean())
    for rows, said in ((there, "filled in"), (~there, "empty")):
        for value, chance in ((1.0, rate), (0.0, 1 - rate)):
            alike = rows.any() and (target[rows] == value).all()
            if alike and rows.sum() * np.log(chance) < np.log(CHANCE):
                return f"{said} only where the label is{'' if value else ' not'}"
    return ""


def _agreement(values, there, target, score, order) -> float:
    """The best score of one column; 0 where it cannot be told."""
    if values is None or there.sum() < 2 * ENOUGH:
        return 0.0
    best = 0.0
    if isinstance(values, np.ndarray):
        best = score(values[there], target[there])
        shares = np.arange(1, BINS) / BINS
        edges = np.unique(np.quantile(values[there], shares))
        codes = 1 + np.searchsorted(edges, values, side="right")
        codes = np.where(there, codes, 0)
    else:
        codes = values.codes
    fitted, held = order[: len(order) // 2], order[len(order) // 2 :]
    count = np.bincount(codes[fitted], minlength=codes.max() + 1)
    total = np.bincount(codes[fitted], target[fitted], minlength=len(count))
    mean = target[fitted].mean()
    means = np.where(count > 0, total / np.maximum(count, 1), mean)
    return max(best, score(means[codes[held]], target[held]))


def _ranking(scores: np.ndarray, target: np.ndarray) -> float:
    """AUC, or 1 - AUC where that is more; 0 where there is one class."""
    _, place = np.unique(scores, return_inverse=True)
    ones = np.bincount(place, target)
    others = np.bincount(place) - ones
    pairs = ones.sum() * others.sum()
    if not pairs:
        return 0.0
    below = np.cumsum(others) - others
    auc = float((ones * (below + others / 2)).sum() / pairs)
    return max(auc, 1 - auc)


def _correlation(scores: np.ndarray, target: np.ndarray) -> float:
    if min(scores.std(), target.std()) == 0:
        return 0.0
    return abs(float(np.corrcoef(scores, target)[0, 1]))
