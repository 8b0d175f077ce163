"""Amazon, as S3Rec cut it: the next thing that somebody reviews, and what it is."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mtlx.data.builders.amazon_s3rec_format import read_amazon_s3rec
from mtlx.data.builders.amazon_s3rec_source import SOURCES
from mtlx.data.categorical import Categorical, Columns
from mtlx.data.dataset import Dataset
from mtlx.data.events import (
    EventLog,
    EventTask,
    choose_inputs,
    event_dataset,
)
from mtlx.data.folders import PathLike
from mtlx.data.inputs import Bag, Ids, Input
from mtlx.data.labels import MISSING
from mtlx.data.named_tasks import named_tasks
from mtlx.data.prepared import prepared_columns
from mtlx.data.source import Source

ITEM = ("item_id", "attributes")
HISTORY = ("item_id",)
INPUTS: Mapping[str, Input | None] = {
    "user_id": None,
    "item_id": Ids(),
    "attributes": Bag(),
}


def amazon_s3rec(
    domain: str = "beauty",
    tasks: Sequence[str] = ("next_item", "next_attributes"),
    history: int = 50,
    max_attributes: int = 100,
    show_item: bool = False,
    cold_targets: str = "miss",
    inputs: Mapping[str, Input | None] | None = None,
    data_dir: PathLike | None = None,
    cache_dir: PathLike | None = None,
) -> Dataset:
    """What users of Amazon reviewed, in order: beauty products or sports goods.

    198,502 reviews by 22,363 users, or 296,337 by 35,598; five or more of each user and
    of each item. Leave-one-out: a user's last item is the test, the one before it
    validation, each earlier one but the first a training row. "next_item" (multiclass)
    and "next_attributes" (multilabel, categories and brands of that item) are foretold
    from the items before.

    Args:
        domain: "beauty" or "sports".
        tasks: from those above, each once.
        history: how many earlier items of the user a row has, at most.
        max_attributes: K of "next_attributes": those that most training events have.
        show_item: whether rows show the item: for models that keep its columns away
            from these tasks, as two towers do.
        cold_targets: what becomes of a "next_item" that no training event has: "miss",
            as the published protocol has it: it counts, with label 0, which no training
            row has; "mask", the row does not count.
        inputs: column -> an input of `mtlx.data.inputs` in place of the default, or
            None to leave it out; of user_id (left out by default, as SASRec and S3Rec
            have it) and, with `show_item`, item_id and attributes.
        data_dir: folder that holds amazon_s3rec/ or its files; None means the variable
            MTLX_DATA_DIR. They are not downloaded.
        cache_dir: folder for the prepared form; None means the variable MTLX_CACHE_DIR,
            and without that ~/.cache/mtlx.

    Returns:
        A `Dataset` with the feature "history", [B, L, 1] int32, and those of `inputs`.

    Raises:
        DataError: a raw file is missing, damaged, or not the published one.
        ValueError: another domain, an unknown or repeated task, or none; a history or
            max_attributes out of range; an input of no such column.

    Reference: Zhou et al., "S3-Rec: Self-Supervised Learning for Sequential
    Recommendation with Mutual Information Maximization", CIKM 2020, section 5.1; the
    reviews are those of McAuley et al., SIGIR 2015.
    """
    owner = "amazon_s3rec"
    chosen = named_tasks(owner, tasks, _tasks(max_attributes))
    made = choose_inputs(owner, inputs or {}, INPUTS)
    if domain not in SOURCES or history < 1 or max_attributes < 2:
        raise ValueError(
            f"{owner}: expected domain to be one of {sorted(SOURCES)}, history >= 1 "
            f"and max_attributes >= 2, found {domain!r}, {history} and "
            f"{max_attributes}. Mend data."
        )
    tables = prepared_columns(SOURCES[domain], prepare, data_dir, cache_dir)
    return event_dataset(
        f"amazon_{domain}",
        _log(tables, max_attributes),
        chosen,
        made,
        ITEM,
        HISTORY,
        history,
        show_item,
        cold_targets,
    )


def _tasks(max_attributes: int) -> dict[str, EventTask]:
    return {
        "next_item": EventTask("next_item", "multiclass", "item_id", foretells=True),
        "next_attributes": EventTask(
            "next_attributes",
            "multilabel",
            "tags",
            foretells=True,
            classes=max_attributes,
        ),
    }


def _log(tables: Mapping[str, Columns], max_attributes: int) -> EventLog:
    events = tables["sequences"]
    user, item, position = (events[name] for name in ("user", "item", "position"))
    last = np.append(user[1:] != user[:-1], True)
    before = np.append(last[1:], False)
    train = ~last & ~before
    number, texts, tags = _attributes(tables["attributes"], item, train, max_attributes)
    columns = {
        "user_id": Categorical.of(user),
        "item_id": Categorical.of(item),
        "attributes": Categorical.of(texts).take(number),
        "tags": tags[number],
    }
    past = np.ones(len(user), bool)
    return EventLog(columns, user, position, past, train, before, last)


def _attributes(
    table: Columns, item: np.ndarray, train: np.ndarray, most: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each event's item as a number, and by that number the item's attributes.

    Returns:
        [N] numbers, [I] texts, and [I, most] int8: 1, 0, or -1 of an item without any.
    """
    items, number = np.unique(item, return_inverse=True)
    at = np.searchsorted(items, table["item"])
    there = items[np.minimum(at, len(items) - 1)] == table["item"]
    at, names = at[there], table["attribute"][there]
    listed: list[list[str]] = [[] for _ in items]
    for place, name in zip(at.tolist(), names.tolist(), strict=True):
        listed[place].append(str(name))
    known, code = np.unique(names, return_inverse=True)
    events = np.bincount(number[train], minlength=len(items))
    counts = np.bincount(code, events[at], minlength=len(known))
    kept = np.argsort(-counts, kind="stable")[:most]
    place_of = np.full(len(known), -1)
    place_of[kept] = np.arange(len(kept))
    tags = np.full((len(items), most), MISSING, np.int8)
    tags[at] = 0
    chosen = place_of[code] >= 0
    tags[at[chosen], place_of[code[chosen]]] = 1
    return number, np.array(["|".join(names) for names in listed]), tags


def prepare(
    source: Source, files: Mapping[str, Path], cache: Path
) -> dict[str, Columns]:
    """The two tables of a domain."""
    # Here, so that a load from the cache imports no reader of raw files.
    from mtlx.data.builders.tables import prepare_tables

    return prepare_tables(source, files, cache, read_amazon_s3rec)
