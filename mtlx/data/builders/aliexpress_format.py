"""The files of the AliExpress search logs: as published, or joined."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mtlx.data.builders.delimited import Delimited
from mtlx.data.errors import DataError

if TYPE_CHECKING:
    import pyarrow

CATEGORICAL = tuple(f"categorical_{n}" for n in range(1, 17))
NUMERICAL = tuple(f"numerical_{n}" for n in range(1, 64))
LABELS = ("click", "conversion")
COLUMNS = ("search_id", *CATEGORICAL, *NUMERICAL, *LABELS)

JOINED = Delimited(
    {"search_id": "whole"}
    | dict.fromkeys(CATEGORICAL, "whole")
    | dict.fromkeys(NUMERICAL, "number")
    | dict.fromkeys(LABELS, "flag")
)

# Which of the published columns, counted from 1, are categorical; all others but the
# first, the page's id, and the item's last, the label, are numbers.
USER_IDS, ITEM_IDS = (*range(2, 9), 32, 33), (19, 34, 35, 36, 40, 41, 42)


def _published(part: str, count: int, ids: Sequence[int]) -> Delimited:
    whole = {1, *ids, *((49,) if part == "item" else ())}
    return Delimited(
        {
            f"{part}_{n}": "whole" if n in whole else "number"
            for n in range(1, count + 1)
        }
    )


USER, ITEM = _published("user", 33, USER_IDS), _published("item", 49, ITEM_IDS)


def read_joined(path: Path) -> Iterator["pyarrow.RecordBatch"]:
    """The rows of a joined file, e.g. train.csv, in its own columns.

    Raises:
        DataError: a line is not as it should be, or a label neither 0 nor 1.
    """
    yield from JOINED.blocks(path)


def join_published(user: Path, item: Path) -> Iterator["pyarrow.RecordBatch"]:
    """Pages and their items as rows of the joined form.

    A row is an item of a page, with the page's columns; the published label 0, 1 or 2
    is (click, conversion) = (0, 0), (1, 0) or (1, 1). Items of a page that is not in
    the users' file are left out, as an inner join does.

    Raises:
        DataError: a line is not as it should be, or a label is none of these.
    """
    import numpy as np
    import pyarrow
    import pyarrow.compute as pc

    pages = pyarrow.Table.from_batches(list(USER.blocks(user)))
    known = pages["user_1"].combine_chunks()
    seen = 0
    for block in ITEM.blocks(item):
        label = block["item_49"]
        bad = ~np.isin(label.to_numpy(zero_copy_only=False), (0, 1, 2))
        if bad.any():
            row = int(np.argmax(bad))
            raise DataError(
                f"{ITEM.line(item, seen + row)}, column 49 (the label): expected 0, 1 "
                f"or 2, found {label[row].as_py()}. Fetch the file again."
            )
        seen += len(block)
        at = pc.index_in(block["item_1"], value_set=known)
        there = pc.is_valid(at)
        block, page = block.filter(there), pages.take(at.drop_null()).combine_chunks()
        user_ids = [page[f"user_{n}"] for n in USER_IDS]
        item_ids = [block[f"item_{n}"] for n in ITEM_IDS]
        numbers = [page[f"user_{n}"] for n in range(2, 34) if n not in USER_IDS]
        numbers += [block[f"item_{n}"] for n in range(2, 49) if n not in ITEM_IDS]
        grade = block["item_49"]
        labels = [pc.cast(pc.greater_equal(grade, n), pyarrow.int64()) for n in (1, 2)]
        columns = [block["item_1"], *user_ids, *item_ids, *numbers, *labels]
        yield from pyarrow.table(columns, names=list(COLUMNS)).to_batches()
