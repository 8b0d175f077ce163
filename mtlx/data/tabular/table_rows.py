"""Rows of a user's own, read as the rows that a model was trained on were read."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mtlx.data.errors import DataError
from mtlx.data.inputs import (
    Bag,
    Date,
    IdSequence,
    Input,
    Number,
    Quantiles,
    Standardised,
)
from mtlx.data.tabular.input_columns import InputColumns
from mtlx.data.tabular.raw_table import RawTable
from mtlx.data.tabular.table_file import read_table_file

MEND = "Add it, or rename the column that holds it: the model was trained on it."


@dataclasses.dataclass(frozen=True)
class TableRows:
    """From files and requests to the raw columns of `mtlx.data.table`.

    Both go through `InputColumns`, as the training files did, so a cell means what it
    meant there: what stands for nothing, what parts a list, how a time is written.

    Args:
        missing: texts that stand for nothing.
        delimiter: between the fields of text files.
    """

    missing: tuple[str, ...] = ("",)
    delimiter: str = ","

    def kinds(self, inputs: Mapping[str, Input]) -> dict[str, str]:
        """Raw column -> what it holds (`mtlx.data.raw_rows`)."""
        return {name: _kind(declared) for name, declared in inputs.items()}

    def read(self, path: Path, inputs: Mapping[str, Input]) -> dict[str, Any]:
        """The columns of a file: CSV or Parquet, by its ending; others are left alone.

        Raises:
            DataError: no such file, no rows, a column that is missing, or a cell that
                its input does not take, by file and line.
        """
        if not path.is_file():
            raise DataError(
                f"Expected a file of rows, found no file {path}. Mend input."
            )
        table = read_table_file(path, list(inputs), self.delimiter, MEND)
        if not len(table):
            raise DataError(f"{path}: expected rows, found none. Write some.")
        raw = RawTable(table, (path,), (len(table),), ("",), self.delimiter)
        return self._columns(raw, inputs)

    def of_values(
        self, values: Mapping[str, Sequence[Any]], inputs: Mapping[str, Input]
    ) -> dict[str, Any]:
        """The columns of rows in memory.

        Args:
            values: column -> text, numbers or lists, None where there is none.
            inputs: column -> what becomes of it.

        Raises:
            DataError: a cell that its input does not take, by its row from 0.
        """
        import pyarrow

        cells = {}
        for name, declared in inputs.items():
            column, kind = values[name], _kind(declared)
            if kind == "list":
                column = [_parts(cell, declared.separator) for cell in column]
                cells[name] = pyarrow.array(column, pyarrow.list_(pyarrow.string()))
            elif kind in ("number", "number?"):
                cells[name] = pyarrow.array(column, pyarrow.float64())
            else:
                column = [None if cell is None else str(cell) for cell in column]
                cells[name] = pyarrow.array(column, pyarrow.string())
        return self._columns(RawTable(pyarrow.table(cells), (), (), ()), inputs)

    def _columns(self, raw: RawTable, inputs: Mapping[str, Input]) -> dict[str, Any]:
        return dict(InputColumns(raw, inputs, self.missing))

    def record(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {"missing": list(self.missing), "delimiter": self.delimiter}

    @classmethod
    def restore(cls, record: Mapping[str, Any]) -> "TableRows":
        """What `record` described."""
        return cls(tuple(record["missing"]), record["delimiter"])


def _kind(declared: Input) -> str:
    match declared:
        case Quantiles():
            return "number?"
        case Number(missing=fill):
            return "number" if fill == "refuse" else "number?"
        case Standardised():
            return "number"
        case Date():
            return "time"
        case Bag() | IdSequence():
            return "list"
    return "text?"


def _parts(cell: Any, separator: str) -> list[str]:
    if isinstance(cell, str):
        return cell.split(separator)
    return [str(value) for value in cell or ()]
