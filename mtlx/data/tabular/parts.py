"""Which split each row of a raw table belongs to."""

import numpy as np

from mtlx.data.errors import DataError
from mtlx.data.tabular.ids import read_ids
from mtlx.data.tabular.input_columns import take_rows
from mtlx.data.tabular.raw_table import RawTable
from mtlx.data.tabular.shares import PARTS
from mtlx.data.tabular.split import Split
from mtlx.data.tabular.times import read_times


def part_rows(
    raw: RawTable, split: Split | None, kept: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Part -> numbers of its rows, in the table's order.

    Rows of files that are declared as validation or test are that; all others go where
    `split` says, and without one to training.

    Args:
        raw: the table.
        split: see above.
        kept: [B] bool, the rows that any part gets; None: all.

    Raises:
        ValueError: rows of no declared part without a split, or a split that gives rows
            to a part which has files of its own.
        DataError: a part without rows.
    """
    declared = raw.part_of()
    kept = np.ones(len(declared), bool) if kept is None else kept
    parts = np.zeros(len(declared), np.int8)
    for number, part in enumerate(PARTS):
        parts[declared == part] = number
    if split is not None:
        divided = np.flatnonzero(kept & np.isin(declared, ("", "train")))
        parts[divided] = _divided(raw, split, divided)
        _check_shares(declared, parts[divided])
    elif (declared == "").any():
        raise ValueError(
            "table: expected data.split, or files for each of train, validation and "
            "test, found neither. Declare e.g. {_target_: mtlx.data.tabular.ByTime, "
            "column: ...}."
        )
    rows = {part: np.flatnonzero(kept & (parts == n)) for n, part in enumerate(PARTS)}
    empty = [part for part, found in rows.items() if not len(found)]
    if empty:
        counts = {part: len(found) for part, found in rows.items()}
        raise DataError(
            f"table: expected rows in each split, found {counts}. Mend the shares or "
            f"moments of data.split, or name a file for {empty[0]} (data.files)."
        )
    return rows


def _divided(raw: RawTable, split: Split, rows: np.ndarray) -> np.ndarray:
    unit = getattr(split, "unit", "s")
    columns = {
        name: take_rows(
            read_times(raw, name, unit) if kind == "time" else read_ids(raw, name), rows
        )
        for name, kind in split.reads.items()
    }
    return split.parts(columns, len(rows))


def _check_shares(declared: np.ndarray, given: np.ndarray) -> None:
    for number, part in enumerate(PARTS[1:], start=1):
        if (declared == part).any() and (given == number).any():
            raise ValueError(
                f"table: expected {part} rows from data.files or from data.split, "
                f"found both. Set the split's {part} share to 0."
            )
