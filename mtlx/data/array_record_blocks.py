"""ArrayRecord files as blocks of rows: one a record, in Arrow's IPC format."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mtlx.data.errors import DataError
from mtlx.data.folders import PathLike, existing_files
from mtlx.data.layout import Layout
from mtlx.types import Batch

if TYPE_CHECKING:
    import pyarrow


class ArrayRecordBlocks:
    """Rows of ArrayRecord files; a block is a record, an Arrow IPC stream of rows.

    All records of a file but its last hold the same number of rows, as
    `write_array_record` writes them: then two records tell the sizes of all.

    Args:
        paths: one file or several, with the same columns.
        layout: the role of each column.

    Raises:
        DataError: no file, one without records, or one that lacks a column.
    """

    def __init__(self, paths: PathLike | Sequence[PathLike], layout: Layout):
        self.layout = layout
        self._records: list[tuple[Path, int]] = []
        self.sizes: list[int] = []
        for path in existing_files(paths):
            sizes = self._sizes_of(path)
            self._records += [(path, record) for record in range(len(sizes))]
            self.sizes += sizes

    def read(self, block: int) -> Batch:
        """The rows of one record.

        Raises:
            DataError: it has not as many rows as the first record of its file.
        """
        path, record = self._records[block]
        with _reader(path) as reader:
            table = _table(reader, record)
        if len(table) != self.sizes[block]:
            raise DataError(
                f"{path}: expected {self.sizes[block]} rows in record {record}, as in "
                f"the first one, found {len(table)}. Write the file with "
                f"mtlx.data.write_array_record."
            )
        return self.layout.batch(table, str(path))

    def _sizes_of(self, path: Path) -> list[int]:
        with _reader(path) as reader:
            count = reader.num_records()
            if not count:
                raise DataError(f"{path}: expected records, found none.")
            first, last = _table(reader, 0), _table(reader, count - 1)
        self.layout.check(first.column_names, str(path))
        return [len(first)] * (count - 1) + [len(last)]


def write_array_record(
    path: PathLike, table: "pyarrow.Table", rows_per_record: int
) -> None:
    """Writes a table in the form that `ArrayRecordBlocks` reads.

    Args:
        path: of the file, which is replaced.
        table: of any columns.
        rows_per_record: 10,000 to 100,000 suit.
    """
    # Imported where it is used: most data sets need neither.
    import pyarrow
    from array_record.python.array_record_module import ArrayRecordWriter

    # A group is decompressed whole to read one of its records: one record each.
    writer = ArrayRecordWriter(str(path), "group_size:1")
    for start in range(0, len(table), rows_per_record):
        sink = pyarrow.BufferOutputStream()
        with pyarrow.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table.slice(start, rows_per_record))
        writer.write(sink.getvalue().to_pybytes())
    writer.close()


@contextlib.contextmanager
def _reader(path: Path):
    from array_record.python.array_record_module import ArrayRecordReader

    reader = ArrayRecordReader(str(path))
    try:
        yield reader
    finally:
        reader.close()


def _table(reader, record: int) -> "pyarrow.Table":
    import pyarrow

    (content,) = reader.read([record])
    with pyarrow.ipc.open_stream(content) as stream:
        return stream.read_all()
