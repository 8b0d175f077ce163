"""The columns of a raw table as the declared inputs want them, read when asked for."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mtlx.data.inputs import (
    Bag,
    Date,
    IdSequence,
    Input,
    Number,
    Quantiles,
    Standardised,
    Text,
)
from mtlx.data.tabular.cells import read_numbers, refuse_cell
from mtlx.data.tabular.ids import read_ids, read_lists, read_texts
from mtlx.data.tabular.raw_table import RawTable
from mtlx.data.tabular.times import read_times


class InputColumns(Mapping[str, Any]):
    """Column -> its rows; one column at a time is more than an Arrow table.

    Args:
        raw: the rows.
        inputs: column -> what becomes of it, which says how its cells are read.
        missing: texts that stand for nothing.
        rows: numbers of the rows that are wanted; None: all.
    """

    def __init__(
        self,
        raw: RawTable,
        inputs: Mapping[str, Input],
        missing: Sequence[str],
        rows: np.ndarray | None = None,
    ):
        self.raw, self.inputs, self.missing, self.rows = raw, inputs, missing, rows

    def __getitem__(self, name: str) -> Any:
        column = self._read(name)
        return column if self.rows is None else take_rows(column, self.rows)

    def _read(self, name: str) -> Any:
        match self.inputs[name]:
            case Quantiles():
                return read_numbers(self.raw, name, self.missing)
            case Number(missing=fill, log=log):
                return self._numbers(name, fill == "refuse", log)
            case Standardised(log=log):
                return self._numbers(name, True, log)
            case Date(unit=unit):
                return read_times(self.raw, name, unit)
            case Text():
                return read_texts(self.raw, name)
            case Bag(separator=separator) | IdSequence(separator=separator):
                return read_lists(self.raw, name, separator, self.missing)
        return read_ids(self.raw, name, self.missing)

    def _numbers(self, name: str, full: bool, log: bool) -> np.ndarray:
        """Numbers, of which the cells that the input will not take are named here."""
        numbers = read_numbers(self.raw, name, self.missing)
        for bad, expected in (
            (np.isnan(numbers) & full, "a number"),
            ((numbers < 0) & log, "a number of 0 or more, for its logarithm"),
        ):
            if bad.any():
                row = int(np.argmax(bad))
                mend = "Mend the cell, or say what fills a gap (Number.missing)."
                found = float(numbers[row])
                refuse_cell(self.raw, name, row, expected, found, mend)
        return numbers

    def __iter__(self) -> Iterator[str]:
        return iter(self.inputs)

    def __len__(self) -> int:
        return len(self.inputs)


def take_rows(column: Any, rows: np.ndarray) -> Any:
    """A column of any kind at `rows`."""
    return column[rows] if isinstance(column, np.ndarray) else column.take(rows)
