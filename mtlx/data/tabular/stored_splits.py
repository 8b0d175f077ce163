"""Encoded splits on disk, of tables larger than memory."""

import contextlib
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mtlx.data.blocks import Blocks
from mtlx.data.layout import Layout
from mtlx.data.parquet_blocks import ParquetBlocks
from mtlx.data.preprocessing import Preprocessing
from mtlx.data.tabular.fitted_table import FittedTable, take_batch
from mtlx.tasks import Task
from mtlx.types import Batch, Field, Schema

ROWS = 65_536  # encoded at a time, of which the training rows are a block
GROUP, SCHEMA = "group of the row", "schema.json"


def split_layout(
    schema: Schema, numerical: Sequence[str], tasks: Sequence[Task]
) -> Layout:
    """How encoded rows lie in a table; an input may have the name of a task."""
    return Layout(
        labels={task.name: f"label of {task.name}" for task in tasks},
        categorical=schema.names,
        numerical=tuple(numerical),
        fields=schema.fields,
        classes=tuple(t.name for t in tasks if t.kind == "multiclass"),
    )


def store_splits(folder: Path, table: FittedTable, tasks: Sequence[Task]) -> None:
    """Encodes the table slice by slice, and writes each split as Parquet.

    All of the folder or nothing: runs of one sweep may write it at the same time, each
    to a folder of its own, of which the first to be done is kept.
    """
    partial = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
    partial.mkdir(parents=True)
    layout = split_layout(table.features.schema, table.numerical, tasks)
    with contextlib.ExitStack() as stack:
        _write(partial, table, layout, stack)
    facts = [table.features.schema, table.numerical, *_preprocessing(table)]
    (partial / SCHEMA).write_text(json.dumps(facts))
    try:
        partial.rename(folder)
    except OSError:  # there is one
        shutil.rmtree(partial)


def _write(
    folder: Path, table: FittedTable, layout: Layout, stack: contextlib.ExitStack
) -> None:
    import pyarrow
    import pyarrow.parquet

    writers = {}
    for first in range(0, len(table.raw.table), ROWS):
        last = min(first + ROWS, len(table.raw.table))
        batch = table.encode(first, last)
        for part, rows in table.rows.items():
            begin, end = np.searchsorted(rows, (first, last))
            if begin == end:
                continue
            own = take_batch(batch, rows[begin:end] - first)
            written = layout.table(own)
            if own.groups is not None:
                written = written.append_column(GROUP, pyarrow.array(own.groups))
            if part not in writers:
                path = folder / f"{part}.parquet"
                writer = pyarrow.parquet.ParquetWriter(path, written.schema)
                writers[part] = stack.enter_context(writer)
            writers[part].write_table(written)


def _preprocessing(table: FittedTable) -> tuple[list[str], dict[str, Any] | None]:
    """Notes, and what new rows are encoded by, where that can be stored."""
    try:
        return list(table.notes), table.preprocessing.record()
    except ValueError as error:
        return [*table.notes, f"The model cannot be served: {error}"], None


def is_stored(folder: Path) -> bool:
    """Whether a folder has splits, all of them."""
    return (folder / SCHEMA).is_file()


def stored_splits(
    folder: Path, tasks: Sequence[Task], steps_per_epoch: int | None = None
) -> tuple[Schema, Blocks, Batch, Batch, tuple[str, ...], Preprocessing | None]:
    """The schema; training rows, a block a row group; validation and test, whole;
    notes; what new rows are encoded by."""
    stored, numerical, notes, encoding = json.loads((folder / SCHEMA).read_text())
    cardinalities, numericals, names, *_ = stored
    fields = stored[Schema._fields.index("fields")]
    schema = Schema(
        cardinalities=tuple(cardinalities),
        numericals=numericals,
        names=tuple(names),
        fields=tuple(Field(f[0], f[1], *map(tuple, f[2:])) for f in fields),
    )
    layout = split_layout(schema, numerical, tasks)
    source = ParquetBlocks(folder / "train.parquet", layout)
    scored = (_batch(folder, part, layout) for part in ("validation", "test"))
    train = Blocks(source, steps_per_epoch=steps_per_epoch)
    preprocessing = Preprocessing.restore(encoding) if encoding else None
    return schema, train, *scored, tuple(notes), preprocessing


def _batch(folder: Path, part: str, layout: Layout) -> Batch:
    import pyarrow.parquet

    path = folder / f"{part}.parquet"
    found = pyarrow.parquet.read_table(path)
    batch = layout.batch(found, str(path))
    if GROUP not in found.column_names:
        return batch
    return batch._replace(groups=found[GROUP].to_numpy())
