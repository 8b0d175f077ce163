"""Parquet files as blocks of rows: one a row group."""

from collections.abc import Sequence
from pathlib import Path

from mtlx.data.folders import PathLike, existing_files
from mtlx.data.layout import Layout
from mtlx.types import Batch


class ParquetBlocks:
    """Rows of Parquet files; a block is a row group, of which only `layout` is read.

    A row group of 10,000 to 100,000 rows suits: `pyarrow.parquet.write_table(...,
    row_group_size=...)`.

    Args:
        paths: one file or several, with the same columns.
        layout: the role of each column.

    Raises:
        DataError: no file, or one that lacks a column.
    """

    def __init__(self, paths: PathLike | Sequence[PathLike], layout: Layout):
        # Imported where it is used: most data sets are not in Parquet.
        import pyarrow.parquet

        self._open = pyarrow.parquet.ParquetFile
        self.layout = layout
        self._groups: list[tuple[Path, int]] = []
        self.sizes: list[int] = []
        for path in existing_files(paths):
            with self._open(path) as file:
                layout.check(file.schema_arrow.names, str(path))
                for group in range(file.num_row_groups):
                    self._groups.append((path, group))
                    self.sizes.append(file.metadata.row_group(group).num_rows)

    def read(self, block: int) -> Batch:
        """The rows of one row group."""
        path, group = self._groups[block]
        with self._open(path) as file:
            # The rows are read ahead of need, on one of few cores.
            table = file.read_row_group(group, self.layout.columns, use_threads=False)
        return self.layout.batch(table, str(path))
