"""Tables on disk that are mapped, not read: an operating system keeps what is used."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow


def write_arrow(
    path: Path, schema: "pyarrow.Schema", batches: Iterable["pyarrow.RecordBatch"]
) -> None:
    """Writes batches of rows to a file in Arrow's IPC format, all of it or nothing."""
    import pyarrow

    path.parent.mkdir(parents=True, exist_ok=True)
    # Runs of one sweep may write at the same time: each to a file of its own, and the
    # rename is atomic.
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with (
        pyarrow.OSFile(str(partial), "wb") as sink,
        pyarrow.ipc.new_file(sink, schema) as writer,
    ):
        for batch in batches:
            writer.write_batch(batch)
    partial.replace(path)


def map_arrow(path: Path, columns: Sequence[str] | None = None) -> "pyarrow.Table":
    """The table of an uncompressed IPC file, or some of its columns, without a copy.

    Raises:
        pyarrow.ArrowInvalid: it is no such file.
    """
    import pyarrow

    mapped = pyarrow.memory_map(str(path), "r")
    table = pyarrow.ipc.open_file(mapped).read_all()
    return table if columns is None else table.select(list(columns))
