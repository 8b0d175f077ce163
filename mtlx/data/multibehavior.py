"""What logs of several behaviours have in common: a time for each (user, item, act)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mtlx.data.builders.multibehavior_format import multibehavior_table
from mtlx.data.categorical import Categorical, Columns
from mtlx.data.dataset import Dataset
from mtlx.data.events import (
    EventLog,
    EventTask,
    choose_inputs,
    event_dataset,
    split_by_time,
)
from mtlx.data.folders import PathLike
from mtlx.data.inputs import Date, Ids, Input
from mtlx.data.named_tasks import named_tasks
from mtlx.data.prepared import prepared_columns
from mtlx.data.source import Source

NEVER = np.iinfo(np.int64).max
ITEM = ("item_id",)
HISTORY = ("item_id", "behavior")


class Shop(NamedTuple):
    """What is particular to a log.

    Args:
        source: its file.
        behaviors: all, the purchase last.
        interest: those that a purchase is asked of, once they are known.
        tasks: name -> task; see `pair_labels` for the columns.
        utc_offset: hours that the shop's clocks are ahead of UTC.
    """

    source: Source
    behaviors: tuple[str, ...]
    interest: tuple[str, ...]
    tasks: Mapping[str, EventTask]
    utc_offset: int = 0

    @property
    def inputs(self) -> dict[str, Input]:
        """Column -> what becomes of it."""
        moment = Date(parts=("hour", "weekday"), utc_offset=self.utc_offset)
        return {"user_id": Ids(), "timestamp": moment, "item_id": Ids()}


def foretelling(behaviors: Sequence[str]) -> dict[str, EventTask]:
    """The tasks that every such log has: the next item, and what is done with it."""
    return {
        "next_item": EventTask("next_item", "multiclass", "item_id", foretells=True),
        "next_behavior": EventTask(
            "next_behavior",
            "multiclass",
            "behavior_number",
            foretells=True,
            classes=len(behaviors),
        ),
    }


def multibehavior(
    shop: Shop,
    tasks: Sequence[str],
    history: int,
    show_item: bool,
    cold_targets: str,
    inputs: Mapping[str, Input | None] | None,
    data_dir: PathLike | None,
    cache_dir: PathLike | None,
) -> Dataset:
    """The data set of a log; see `mtlx.data.retailrocket_multibehavior`."""
    owner = shop.source.name
    chosen = named_tasks(owner, tasks, shop.tasks)
    made = choose_inputs(owner, inputs or {}, shop.inputs)

    def prepare(source: Source, files: Mapping[str, Path], cache: Path):
        # Here, so that a load from the cache imports no reader of raw files.
        from mtlx.data.builders.tables import prepare_tables

        read = multibehavior_table(shop.behaviors).read
        return prepare_tables(source, files, cache, read)

    rows = prepared_columns(shop.source, prepare, data_dir, cache_dir)["log"]
    return event_dataset(
        owner,
        event_log(rows, shop),
        chosen,
        made,
        ITEM,
        HISTORY,
        history,
        show_item,
        cold_targets,
    )


def event_log(rows: Columns, shop: Shop) -> EventLog:
    """The events in the order of time, split by time, 8:1:1."""
    texts = rows["behavior"]
    code = np.array([shop.behaviors.index(v) for v in texts.values.tolist()])
    number = code[texts.codes]
    order = np.lexsort([number, rows["item"], rows["user"], rows["timestamp"]])
    user, item, time = (rows[name][order] for name in ("user", "item", "timestamp"))
    number = number[order]
    masks = split_by_time(time)
    # What a split's labels may know: nothing of the splits after it.
    ends = [time[mask].min() for mask in masks[1:]] + [NEVER]
    known_until = np.select(masks, ends)
    columns = {
        "user_id": Categorical.of(user),
        "item_id": Categorical.of(item),
        "behavior": texts.take(order),
        "behavior_number": number,
        "timestamp": time,
        **pair_labels(user, item, time, number, known_until, shop),
    }
    return EventLog(columns, user, time, np.ones(len(time), bool), *masks)


def pair_labels(
    user: np.ndarray,
    item: np.ndarray,
    time: np.ndarray,
    number: np.ndarray,
    known_until: np.ndarray,
    shop: Shop,
) -> dict[str, np.ndarray]:
    """What became of each event's pair of user and item, and which events are rows.

    The log has one time for each behaviour towards an item, of unknown rank: views may
    be later than the purchase that they led to. So a pair is one row, at the first of
    its times: a history strictly before that holds nothing of what became of it.

    Args:
        user, item, time, number: [N] of the events, in the order of time.
        known_until: [N] the moment before which a behaviour has to be to be a label.
        shop: names the behaviours.

    Returns:
        [N] int8 of 0 or 1: "<behaviour>", whether the pair has it; "<behaviour>_buy",
        whether it has both; "pair", whether the event is the first of its pair, with a
        behaviour of interest; "pair_<behaviour>", whether it is that and has it.
    """
    users, owner = np.unique(user, return_inverse=True)
    items, thing = np.unique(item, return_inverse=True)
    key = owner.astype(np.int64) * len(items) + thing
    _, first, pair = np.unique(key, return_index=True, return_inverse=True)
    leads = np.zeros(len(key), bool)
    leads[first] = True  # `return_index` is of the first, and time is in order
    known = {}
    for place, behavior in enumerate(shop.behaviors):
        stamps = np.full(len(first), NEVER)
        mine = number == place
        np.minimum.at(stamps, pair[mine], time[mine])
        known[behavior] = stamps[pair] < known_until
    *_, last = shop.behaviors
    row = leads & np.any([known[behavior] for behavior in shop.interest], axis=0)
    columns = dict(known) | {"pair": row}
    for behavior in shop.behaviors[:-1]:
        columns[f"{behavior}_{last}"] = known[behavior] & known[last]
        columns[f"pair_{behavior}"] = row & known[behavior]
    return {name: column.astype(np.int8) for name, column in columns.items()}
