"""A column of lists as the array of a field, and back."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mtlx.data.errors import DataError
from mtlx.types import Field

if TYPE_CHECKING:
    import pyarrow

PADDING = -1
DTYPES = {"image": np.uint8, "vector": np.float32}  # the others hold ids: int32


def read_field(column: Any, field: Field, where: str) -> np.ndarray:
    """[B, *field.shape]: the lists of a column, ids padded with -1 at the end.

    Args:
        column: of an Arrow table: a list in each row, of any depth, whose entries are
            those of the field in row-major order; of ids there may be fewer.
        field: what it is to become.
        where: the table's name, for messages.

    Raises:
        DataError: a row is null or holds other than the field's number of entries, or
            an id that the field has not.
    """
    if column.null_count:
        raise DataError(
            f"{where}: expected a list in every row of column {field.name!r}, found "
            f"{column.null_count} rows without. Write empty lists."
        )
    dtype = DTYPES.get(field.kind, np.int32)
    entries, ends = _flat(column, field, where)
    lengths = np.diff(ends, prepend=0)
    _check_lengths(lengths, field, where)
    size = math.prod(field.shape)
    rows = np.full((len(ends), size), 0 if field.kind in DTYPES else PADDING, dtype)
    rows[np.arange(size)[None] < lengths[:, None]] = entries
    if field.sizes:
        _check_ids(rows.reshape(len(rows), *field.shape), field, where)
    return rows.reshape(len(rows), *field.shape)


def write_field(rows: np.ndarray) -> "pyarrow.Array":
    """The rows of a field as lists, padding and all, in row-major order."""
    import pyarrow

    flat = np.ascontiguousarray(rows).reshape(-1)
    width = rows.size // max(len(rows), 1)
    return pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(flat), width)


def _flat(column: Any, field: Field, where: str) -> tuple[np.ndarray, np.ndarray]:
    """All entries, and where each row ends among them."""
    import pyarrow
    import pyarrow.compute as pc

    if isinstance(column, pyarrow.ChunkedArray):
        column = column.combine_chunks()
    ends = np.arange(1, len(column) + 1)
    depth = 0
    while hasattr(column.type, "value_type"):
        inner = np.cumsum(pc.list_value_length(column).to_numpy(zero_copy_only=False))
        inner = np.concatenate([[0], inner])
        ends, column, depth = inner[ends], pc.list_flatten(column), depth + 1
    if not depth:
        raise DataError(
            f"{where}: expected lists in column {field.name!r} (a {field.kind}), found "
            f"{column.type}. Write one list a row."
        )
    return column.to_numpy(zero_copy_only=False), ends


def _check_lengths(lengths: np.ndarray, field: Field, where: str) -> None:
    size = math.prod(field.shape)
    # Ids come in places of a sequence: all columns of a place are there or none.
    step = math.prod(field.shape[1:])
    fits = lengths == size
    if field.kind not in DTYPES:
        fits |= (lengths <= size) & (lengths % step == 0)
    if not fits.all():
        row = int(np.argmin(fits))
        few = "" if field.kind in DTYPES else "at most "
        raise DataError(
            f"{where}, column {field.name!r}, row {row}: expected {few}{size} entries "
            f"for {field.kind} {field.shape}, found {lengths[row]}. Cut the row, or "
            f"mend the field's shape."
        )


def _check_ids(rows: np.ndarray, field: Field, where: str) -> None:
    """A gather on a device would take the last row for an id that there is not."""
    bad = (rows < PADDING) | (rows >= np.array(field.sizes))
    if bad.any():
        place = tuple(np.argwhere(bad)[0].tolist())
        raise DataError(
            f"{where}, column {field.name!r}, row {place[0]}: expected ids below "
            f"{field.sizes}, found {rows[place]}. Mend the column, or the field's "
            f"sizes."
        )
