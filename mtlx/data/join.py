"""Columns of a table, row by row of another."""

import numpy as np

from mtlx.data.categorical import Categorical, Columns
from mtlx.data.errors import DataError


def joined(owner: str, rows: Columns, table: Columns, key: str) -> Columns:
    """The other columns of `table`, at the row with the same key.

    Args:
        owner: name of the data set, for the error messages.
        rows: with whole numbers in the column `key`.
        table: likewise, each key in one row.
        key: name of the column.

    Raises:
        DataError: the table has a key twice, or lacks one of the rows'.
    """
    order = np.argsort(table[key], kind="stable")
    known = table[key][order]
    again = known[1:] == known[:-1]
    if again.any():
        raise DataError(
            f"{owner}: expected one row of features for each {key}, found several for "
            f"{known[1:][again][0]}. Fetch all files again, of one version."
        )
    at = np.minimum(np.searchsorted(known, rows[key]), len(known) - 1)
    absent = known[at] != rows[key]
    if absent.any():
        raise DataError(
            f"{owner}: expected a row of features for every {key} of the log, found "
            f"none for {rows[key][absent][0]}. Fetch all files again, of one version."
        )
    at = order[at]
    return {
        name: column.take(at) if isinstance(column, Categorical) else column[at]
        for name, column in table.items()
        if name != key
    }
