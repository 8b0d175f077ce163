"""Answers of a model as a file."""

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mtlx.data.errors import DataError

SUFFIXES = (".parquet", ".csv")


def check_output(path: Path) -> None:
    """Refuses a file type that `write_answers` does not write.

    Raises:
        DataError: it is none.
    """
    if path.suffix not in SUFFIXES:
        raise DataError(
            f"{path}: expected an output of type {' or '.join(SUFFIXES)}, found "
            f"{path.suffix or 'no suffix'}. Mend output."
        )


def write_answers(path: Path, answers: Mapping[str, np.ndarray]) -> None:
    """Writes a column a task, a row for each row that was scored, in their order.

    Args:
        path: .parquet, where class probabilities are a list in each row; or .csv, where
            they are a column for each class, "department_0" and so on.
        answers: task -> [N] or [N, C], or texts.

    Raises:
        DataError: a file of another type.
    """
    check_output(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        _write_csv(path, answers)
        return
    import pyarrow
    import pyarrow.parquet as parquet

    columns = {
        task: pyarrow.array(list(column) if column.ndim > 1 else column)
        for task, column in answers.items()
    }
    parquet.write_table(pyarrow.table(columns), path)


def _write_csv(path: Path, answers: Mapping[str, np.ndarray]) -> None:
    columns = {}
    for task, column in answers.items():
        if column.ndim == 1:
            columns[task] = column
        else:
            columns |= {f"{task}_{c}": column[:, c] for c in range(column.shape[1])}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*(x.tolist() for x in columns.values()), strict=True))
