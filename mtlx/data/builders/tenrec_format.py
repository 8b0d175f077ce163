"""The video files of Tenrec, as published."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mtlx.data.builders.delimited import Delimited

if TYPE_CHECKING:
    import pyarrow

LABELS = ("click", "follow", "like", "share")
IDS = ("user_id", "item_id", "video_category", "gender", "age")
HISTORY = tuple(f"hist_{n}" for n in range(1, 11))

# A category that is not known is written \N.
VIDEO = Delimited(
    {"user_id": "whole", "item_id": "whole"}
    | dict.fromkeys(LABELS, "flag")
    | {"video_category": "text", "watching_times": "text"}
    | {"gender": "text", "age": "text"}
)
WITH_HISTORY = Delimited({**VIDEO.kinds, **dict.fromkeys(HISTORY, "whole")})


def format_of(file: str) -> Delimited:
    """The columns of a file, by its name: those made for CTR have histories."""
    return WITH_HISTORY if file.startswith("ctr_data") else VIDEO


def video_rows(
    path: Path, form: Delimited, history: str, negatives: float | int | None, seed: int
) -> Iterator["pyarrow.RecordBatch"]:
    """Rows of the file without `watching_times`, which is known after the click alone.

    Args:
        path: the file.
        form: its columns.
        history: "columns" as they are, or "sequence": one column `history` of lists,
            without the 0 that stands for none.
        negatives: rows without a click that are kept for each with one, drawn without
            replacement; None keeps all.
        seed: of the draw.

    Raises:
        DataError: a line is not as it should be.
    """
    blocks = form.blocks(path)
    if negatives is not None:
        blocks = _thinned(path, form, negatives, seed)
    for block in blocks:
        rows = block.drop_columns(["watching_times"])
        yield _joined(rows) if history == "sequence" else rows


def _thinned(
    path: Path, form: Delimited, negatives: float | int, seed: int
) -> Iterator["pyarrow.RecordBatch"]:
    """Block by block, yet one uniform draw: a block gives a hypergeometric number."""
    import pyarrow

    clicked, others = 0, 0
    for block in form.blocks(path):
        clicks = int(np.sum(block["click"].to_numpy(zero_copy_only=False)))
        clicked, others = clicked + clicks, others + len(block) - clicks
    wanted = min(round(negatives * clicked), others)
    draw = np.random.default_rng(seed)
    for block in form.blocks(path):
        keep = block["click"].to_numpy(zero_copy_only=False) == 1
        here = np.flatnonzero(~keep)
        count = int(draw.hypergeometric(wanted, others - wanted, len(here)))
        keep[draw.choice(here, count, replace=False)] = True
        wanted, others = wanted - count, others - len(here)
        yield block.filter(pyarrow.array(keep))


def _joined(block: "pyarrow.RecordBatch") -> "pyarrow.RecordBatch":
    import pyarrow

    columns = [block[name].to_numpy(zero_copy_only=False) for name in HISTORY]
    items = np.stack(columns, axis=1)
    ends = np.concatenate([[0], np.cumsum((items != 0).sum(axis=1))])
    lists = pyarrow.ListArray.from_arrays(
        pyarrow.array(ends, pyarrow.int32()), pyarrow.array(items[items != 0])
    )
    return block.drop_columns(list(HISTORY)).append_column("history", lists)
