"""Arrow columns as text, and text as NumPy holds it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mtlx.data.categorical import Categorical

if TYPE_CHECKING:
    import pyarrow


def plain(column: "pyarrow.ChunkedArray") -> "pyarrow.ChunkedArray":
    """The column without a dictionary, as pandas writes categories."""
    import pyarrow

    kind = column.type
    return column.cast(kind.value_type) if pyarrow.types.is_dictionary(kind) else column


def one_piece(column: Any) -> "pyarrow.Array":
    """A chunked column in one piece."""
    import pyarrow

    if not isinstance(column, pyarrow.ChunkedArray):
        return column
    if not column.num_chunks:
        return pyarrow.array([], column.type)
    return pyarrow.concat_arrays(column.chunks)


def is_text(column: Any) -> bool:
    """Whether a column holds text."""
    import pyarrow

    kind = column.type
    return pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind)


def without(column: Any, missing: Sequence[str]) -> Any:
    """Text with what stands for nothing as null."""
    import pyarrow
    import pyarrow.compute as pc

    column = pc.utf8_trim_whitespace(column)
    tokens = pyarrow.array(list(missing), column.type)
    gone = pc.is_in(column, value_set=tokens)
    return pc.if_else(gone, pyarrow.scalar(None, column.type), column)


def as_text(column: Any, missing: Sequence[str]) -> Any:
    """Text with "" for what is missing, or stands for nothing."""
    import pyarrow
    import pyarrow.compute as pc

    column = pc.fill_null(column.cast(pyarrow.large_string()), "")
    tokens = pyarrow.array(list(missing), pyarrow.large_string())
    gone = pc.is_in(pc.utf8_trim_whitespace(column), value_set=tokens)
    return pc.if_else(gone, "", column)


def categorical(column: Any) -> Categorical:
    """Distinct texts and codes: no row becomes a Python object."""
    encoded = one_piece(column).dictionary_encode()
    values = np.array(encoded.dictionary.to_pylist(), str)
    order = np.argsort(values)
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    codes = rank[encoded.indices.to_numpy()] if len(order) else np.zeros(0, np.int32)
    return Categorical(values[order], codes)
