"""The rows of one or several files, as one table whose cells know their place."""

import bisect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mtlx.data.tabular.table_file import map_table_file, place_of, read_table_file

if TYPE_CHECKING:
    import pyarrow


class RawTable(NamedTuple):
    """An Arrow table, and which file each of its rows is from.

    Args:
        table: the rows of all files, one after another.
        paths: the files; none of rows that come from no file.
        ends: the number of rows up to the end of each.
        parts: which split each was declared as; "" for none.
        delimiter: of text files.
    """

    table: "pyarrow.Table"
    paths: tuple[Path, ...]
    ends: tuple[int, ...]
    parts: tuple[str, ...]
    delimiter: str = ","

    def place(self, row: int) -> str:
        """File and line of a row, for a message."""
        row = int(row)
        if not self.paths:
            return f"row {row}"
        file = bisect.bisect_right(self.ends, row)
        first = self.ends[file - 1] if file else 0
        return place_of(self.paths[file], row - first, self.delimiter)

    def part_of(self) -> np.ndarray:
        """[B] the part that each row's file was declared as."""
        return np.repeat(np.array(self.parts), np.diff(self.ends, prepend=0))

    def slice(self, first: int, last: int) -> "RawTable":
        """Consecutive rows, for which nothing is copied; their places are not known."""
        return self._replace(table=self.table.slice(first, last - first))


def read_raw_table(
    files: Mapping[str, Sequence[Path]],
    columns: Sequence[str],
    delimiter: str = ",",
    copies: Path | None = None,
) -> RawTable:
    """The named columns of all files.

    A column that is text in one file and numbers in another becomes text.

    Args:
        files: part -> its files; "" for files that are to be split.
        columns: to read.
        delimiter: of text files.
        copies: a folder for copies of the files, which are then mapped and not read: of
            tables larger than memory. A column has one type in all of them.

    Raises:
        DataError: as `read_table_file`.
    """
    import pyarrow

    named = [(part, path) for part, paths in files.items() for path in paths]
    if copies is None:
        tables = [read_table_file(path, columns, delimiter) for _, path in named]
    else:
        tables = [
            map_table_file(path, columns, copies / f"{number}.arrow", delimiter)
            for number, (_, path) in enumerate(named)
        ]
    if len({table.schema.remove_metadata() for table in tables}) > 1:
        tables = _alike(tables, columns)
    ends = np.cumsum([len(table) for table in tables]).tolist()
    return RawTable(
        pyarrow.concat_tables(tables),
        tuple(path for _, path in named),
        tuple(ends),
        tuple(part for part, _ in named),
        delimiter,
    )


def _alike(tables: list, columns: Sequence[str]) -> list:
    """The tables with one type a column: text, where they differ."""
    import pyarrow

    types = {name: {table[name].type for table in tables} for name in columns}
    fields = [
        (name, found.pop() if len(found) == 1 else pyarrow.string())
        for name, found in types.items()
    ]
    return [
        table.select(list(columns)).cast(pyarrow.schema(fields)) for table in tables
    ]
