"""REES46: what the next thing is that somebody looks at in a session."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mtlx.data.builders.rees46_format import read_rees46
from mtlx.data.builders.rees46_source import PARTS, PUBLISHED
from mtlx.data.categorical import Categorical, Columns
from mtlx.data.dataset import Dataset
from mtlx.data.events import (
    EventLog,
    EventTask,
    choose_inputs,
    event_dataset,
)
from mtlx.data.folders import PathLike
from mtlx.data.inputs import Date, Ids, Input, Standardised
from mtlx.data.named_tasks import named_tasks
from mtlx.data.prepared import prepared_columns
from mtlx.data.source import Source

IDS = ("item_id", "category_id", "subcategory_id", "brand_id")
ITEM = (*IDS, "price")
HISTORY = (*IDS, "inside")
TASKS = {
    **{
        f"next_{name.removesuffix('_id')}": EventTask(
            f"next_{name.removesuffix('_id')}",
            "multiclass",
            name,
            foretells=True,
            space="asked",
        )
        for name in IDS
    },
    "next_price": EventTask(
        "next_price", "regression", "price", foretells=True, space="asked"
    ),
}
INPUTS: Mapping[str, Input] = {
    "timestamp": Date(parts=("hour",)),
    **{name: Ids() for name in IDS},
    "price": Standardised(),
}
EVALUATE = ("all", "last")


def rees46_sessions(
    tasks: Sequence[str] = ("next_category", "next_brand", "next_price"),
    history: int = 20,
    evaluate: str = "last",
    show_item: bool = False,
    cold_targets: str = "mask",
    inputs: Mapping[str, Input | None] | None = None,
    data_dir: PathLike | None = None,
    cache_dir: PathLike | None = None,
) -> Dataset:
    """42,906 sessions of an online shop: 1 October 2019 for training, 2 October after.

    A row is an event of a session but its first: "next_item", "next_category",
    "next_subcategory", "next_brand" (classes: the ids of the training rows) and
    "next_price" (regression, of the normalised logarithm that the source has) are
    foretold from the events before, on a row that shows nothing of the event itself
    but the hour. The second day's two parts are validation and test.

    Args:
        tasks: from those above, each once.
        history: how many earlier events a row has, at most: of the session, and before
            those of the user's earlier sessions of the two days; item, category,
            sub-category, brand and whether it is of this session.
        evaluate: which events of a session validation and test ask for: "all" but the
            first, or the "last" alone. Training has all.
        show_item: whether rows show the item: for models that keep its columns away
            from these tasks, as two towers do.
        cold_targets: what becomes of a class that no training row has: "mask", the row
            does not count for that task; "miss", its label is 0, which no training row
            has.
        inputs: column -> an input of `mtlx.data.inputs` in place of the default, or
            None to leave it out; of timestamp and, with `show_item`, item_id,
            category_id, subcategory_id, brand_id and price.
        data_dir: folder that holds rees46_sessions/ or its files; None means the
            variable MTLX_DATA_DIR. They are not downloaded.
        cache_dir: folder for the prepared form; None means the variable MTLX_CACHE_DIR,
            and without that ~/.cache/mtlx.

    Returns:
        A `Dataset` with features "categorical" and "history", [B, L, 5] int32, grouped
        by session.

    Raises:
        DataError: a raw file is missing, damaged, or not the published one.
        ValueError: an unknown or repeated task, or none; another `evaluate`; a history
            below 1; an input of no such column.

    Reference: REES46 Marketing Platform, "eCommerce behavior data from multi category
    store" (Kaggle), as prepared for the session-based example of NVIDIA Merlin, whose
    training parts are not at hand: tasks and split are ours.
    """
    owner = PUBLISHED.name
    chosen = named_tasks(owner, tasks, TASKS)
    made = choose_inputs(owner, inputs or {}, INPUTS)
    if evaluate not in EVALUATE or history < 1:
        raise ValueError(
            f"{owner}: expected evaluate to be one of {EVALUATE} and history >= 1 "
            f"events, found {evaluate!r} and {history}. Mend data.evaluate or "
            f"data.history."
        )
    tables = prepared_columns(PUBLISHED, prepare, data_dir, cache_dir)
    return event_dataset(
        owner,
        _log(tables, evaluate),
        chosen,
        made,
        ITEM,
        HISTORY,
        history,
        show_item,
        cold_targets,
    )


def _log(tables: Mapping[str, Columns], evaluate: str) -> EventLog:
    parts = [tables[part] for part in PARTS]
    rows = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    part = np.repeat(np.arange(len(PARTS)), [len(p["session"]) for p in parts])
    # Sessions are numbered file by file.
    sessions = [int(p["session"].max()) + 1 for p in parts]
    session = rows["session"] + np.append(0, np.cumsum(sessions))[part]
    day_one = part < PARTS.index("day2_valid")
    last = np.append(session[1:] != session[:-1], True)
    first = rows["inside"] & ~np.append(False, rows["inside"][:-1] & ~last[:-1])
    asked = rows["inside"] & ~first
    if evaluate == "last":
        asked &= day_one | last
    columns = {name: Categorical.of(rows[name]) for name in (*IDS, "inside")}
    columns |= {name: rows[name] for name in ("timestamp", "price")}
    return EventLog(
        columns | {"asked": asked.astype(np.int8)},
        session,
        rows["timestamp"],
        np.ones(len(session), bool),
        day_one,
        part == PARTS.index("day2_valid"),
        part == PARTS.index("day2_test"),
    )


def prepare(
    source: Source, files: Mapping[str, Path], cache: Path
) -> dict[str, Columns]:
    """The events of the four files."""
    # Here, so that a load from the cache imports no reader of raw files.
    from mtlx.data.builders.tables import prepare_tables

    return prepare_tables(source, files, cache, read_rees46)
