"""Ids, lists of them, and texts of a raw table."""

from collections.abc import Sequence

import numpy as np

from mtlx.data.categorical import Column
from mtlx.data.lists import Lists
from mtlx.data.tabular.arrow_text import as_text, categorical, is_text, one_piece, plain
from mtlx.data.tabular.cells import refuse_cell
from mtlx.data.tabular.raw_table import RawTable
from mtlx.data.text_column import TextColumn


def read_ids(raw: RawTable, name: str, missing: Sequence[str] = ("",)) -> Column:
    """Ids as whole numbers, or as text where a value is missing: that is then "".

    Raises:
        DataError: numbers with a fraction.
    """
    import pyarrow

    column = plain(raw.table[name])
    kind = column.type
    if pyarrow.types.is_floating(kind):
        column = _whole(raw, name, column)
    numbers = pyarrow.types.is_integer(column.type) and not column.null_count
    if numbers and not _holds(column, missing):
        return column.to_numpy()
    return categorical(as_text(column, missing))


def read_lists(
    raw: RawTable, name: str, separator: str, missing: Sequence[str] = ("",)
) -> Lists:
    """A column of lists, or of text that a separator parts.

    Blanks around a value are dropped, and so is a value that is empty or stands for
    nothing.
    """
    import pyarrow
    import pyarrow.compute as pc

    column = plain(raw.table[name])
    if is_text(column):
        column = pc.fill_null(column.cast(pyarrow.large_string()), "")
        column = pc.split_pattern(column, separator)
    column = one_piece(column)
    texts = pc.list_flatten(column).cast(pyarrow.large_string())
    values = categorical(pc.utf8_trim_whitespace(as_text(texts, missing)))
    row = pc.list_parent_indices(column).to_numpy()
    there = (values.values != "")[values.codes]
    lengths = np.bincount(row[there], minlength=len(column))
    return Lists(values.take(np.flatnonzero(there)), np.cumsum(lengths))


def read_texts(raw: RawTable, name: str) -> TextColumn:
    """Texts; a missing one is empty."""
    import pyarrow
    import pyarrow.compute as pc

    column = pc.fill_null(plain(raw.table[name]).cast(pyarrow.large_string()), "")
    array = one_piece(column)
    _, offsets, content = array.buffers()
    bounds = np.frombuffer(offsets, np.int64)[array.offset :][: len(array) + 1]
    letters = np.frombuffer(content if content is not None else b"", np.uint8)
    return TextColumn(letters[bounds[0] : bounds[-1]], bounds[1:] - bounds[0])


def _holds(column, missing: Sequence[str]) -> bool:
    """Whether a whole number stands for nothing, as -1 often does."""
    tokens = [int(text) for text in missing if text.lstrip("-").isdigit()]
    return bool(tokens) and bool(np.isin(column.to_numpy(), tokens).any())


def _whole(raw: RawTable, name: str, column):
    """Whole numbers that a gap made floating, as pandas writes them."""
    import pyarrow
    import pyarrow.compute as pc

    fraction = pc.fill_null(pc.not_equal(column, pc.floor(column)), False)
    if pc.any(fraction).as_py():
        row = int(np.argmax(fraction.to_numpy()))
        refuse_cell(
            raw, name, row, "an id, text or a whole number", column[row].as_py()
        )
    empty = pc.is_null(column, nan_is_null=True)
    return pc.if_else(empty, None, column).cast(pyarrow.int64())
