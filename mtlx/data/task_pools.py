"""Data sets of many small tasks with one set of inputs, a row being of one task."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from mtlx.data.categorical import Categorical, Columns
from mtlx.data.dataset import Dataset
from mtlx.data.one_task_rows import one_task_labels
from mtlx.data.preprocessing import Preprocessing
from mtlx.data.split_within import split_within
from mtlx.data.tabular_features import TabularFeatures
from mtlx.tasks import Task
from mtlx.types import Batch


def pooled_tasks(
    name: str,
    columns: Columns,
    known: Mapping[str, Task],
    of: str,
    label: str,
    chosen: Sequence[str],
    categorical: Sequence[str] = (),
    numerical: Sequence[str] = (),
    groups: np.ndarray | None = None,
    shares: tuple[float, float] = (0.6, 0.15),
    split_seed: int = 0,
    domain: bool = False,
) -> Dataset:
    """The rows of the chosen tasks, divided within each task.

    Vocabularies and scales are those of the training rows of the chosen tasks; the
    division is the same whichever are chosen.

    Args:
        name: of the data set.
        columns: raw columns of all rows.
        known: all tasks, in the order of their numbers in column `of`.
        of: column with the number of the row's task, which is the domain's name too.
        label: column of the label.
        chosen: names of those whose rows are kept (`task_names`).
        categorical, numerical: columns that are inputs.
        groups: [B] rows of one number are divided by the shares; None: those of a task.
        shares: of training and validation; the rest is the test split.
        split_seed: seed of the division.
        domain: whether the task of a row is an input too.

    Raises:
        ValueError: shares that leave no rows for a part.
    """
    number, place = columns[of], _places(known, chosen)
    parts = split_within(
        number if groups is None else groups, tuple(shares), split_seed
    )
    train, *_ = parts = [part[place[number[part]] >= 0] for part in parts]
    if domain:
        names = np.array(list(known))
        columns = {**columns, of: Categorical.of(names[number])}
        categorical = (*categorical, of)
    inputs = TabularFeatures.fit(_take(columns, train), categorical, numerical)
    splits = [
        Batch(
            inputs.encode(_take(columns, part)),
            *one_task_labels(place[number[part]], columns[label][part], chosen),
        )
        for part in parts
    ]
    schema = inputs.schema._replace(domain=of if domain else None)
    return Dataset(
        name,
        tuple(known[task] for task in chosen),
        schema,
        *splits,
        preprocessing=Preprocessing(inputs),
    )


def _places(known: Collection[str], chosen: Sequence[str]) -> np.ndarray:
    """[T] where each known task stands among the chosen ones; -1: nowhere."""
    numbers = {task: number for number, task in enumerate(chosen)}
    return np.array([numbers.get(task, -1) for task in known])


def _take(columns: Columns, rows: np.ndarray) -> Columns:
    return {
        name: c.take(rows) if isinstance(c, Categorical) else c[rows]
        for name, c in columns.items()
    }
