"""Labels of rows that belong to one task each."""

from collections.abc import Sequence

import numpy as np


def one_task_labels(
    of: np.ndarray, label: np.ndarray, tasks: Sequence[str]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """`labels` and `where` of a `Batch` in which a row counts for one task alone.

    Args:
        of: [B] number of the row's task among `tasks`.
        label: [B] the row's label.
        tasks: names.

    Returns:
        labels: task -> [B] float32, 0 in the rows of the others.
        where: task -> [B] bool.

    >>> labels, where = one_task_labels(np.array([1, 0]), np.array([3, 4]), ("a", "b"))
    >>> labels["a"].tolist(), where["a"].tolist()
    ([0.0, 4.0], [False, True])
    """
    where = {task: of == number for number, task in enumerate(tasks)}
    labels = {
        task: np.where(rows, label, 0).astype(np.float32)
        for task, rows in where.items()
    }
    return labels, where
