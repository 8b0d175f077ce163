"""A raw table with its split, its fitted inputs and its labels."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mtlx.data.inputs import Input
from mtlx.data.preprocessing import Preprocessing
from mtlx.data.tabular.input_columns import InputColumns
from mtlx.data.tabular.raw_table import RawTable
from mtlx.data.tabular.table_rows import TableRows
from mtlx.data.tabular_features import TabularFeatures
from mtlx.types import Batch


class FittedTable(NamedTuple):
    """All that it takes to encode rows, some or all."""

    raw: RawTable
    inputs: Mapping[str, Input]
    missing: Sequence[str]
    rows: Mapping[str, np.ndarray]  # part -> numbers of its rows, rising
    features: TabularFeatures  # fitted on the training rows
    labels: Mapping[str, np.ndarray]  # of all rows
    where: Mapping[str, np.ndarray]
    groups: np.ndarray | None
    notes: tuple[str, ...]

    def encode(self, first: int, last: int) -> Batch:
        """The rows from `first` to before `last`."""
        columns = InputColumns(self.raw.slice(first, last), self.inputs, self.missing)
        return Batch(
            self.features.encode(columns),
            {task: label[first:last] for task, label in self.labels.items()},
            {task: where[first:last] for task, where in self.where.items()},
            None if self.groups is None else self.groups[first:last],
        )

    @property
    def preprocessing(self) -> Preprocessing:
        """Of rows that are not in the table."""
        rows = TableRows(tuple(self.missing), self.raw.delimiter)
        return Preprocessing(self.features, table=rows)

    @property
    def numerical(self) -> tuple[str, ...]:
        """The names of the numeric columns."""
        return tuple(n for each in self.features.inputs.values() for n in each.numbers)


def take_batch(batch: Batch, rows: np.ndarray) -> Batch:
    """Some rows of a batch of NumPy arrays."""
    features, labels, where = (
        {name: column[rows] for name, column in columns.items()}
        for columns in batch[:3]
    )
    groups = None if batch.groups is None else batch.groups[rows]
    return Batch(features, labels, where, groups)
