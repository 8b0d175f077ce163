"""Rows that repeat another."""

from collections.abc import Sequence

import numpy as np

from mtlx.data.errors import DataError
from mtlx.data.tabular.raw_table import RawTable

ROW = "row of the table"


def first_rows(raw: RawTable, columns: Sequence[str]) -> np.ndarray:
    """[B] bool: the first of all rows that are alike in `columns`.

    Training files come first, so of a row that is in two splits the training one stays,
    and no test row is one that was trained on.

    Raises:
        DataError: a column of lists, which are not compared.
    """
    import pyarrow

    lists = [c for c in columns if pyarrow.types.is_nested(raw.table[c].type)]
    if lists:
        raise DataError(
            f"table: expected columns of single values to tell repeated rows by, found "
            f"lists in {lists}. Mend data.duplicates."
        )
    numbers = pyarrow.array(np.arange(len(raw.table)))
    keys = raw.table.select(list(columns)).append_column(ROW, numbers)
    groups = keys.group_by(list(columns), use_threads=False)
    first = np.zeros(len(keys), bool)
    first[groups.aggregate([(ROW, "min")])[f"{ROW}_min"].to_numpy()] = True
    return first
