"""A made-up log of events, small enough to check by a loop."""

import numpy as np

from mtlx.data.categorical import Categorical
from mtlx.data.events import EventLog, EventTask, event_dataset
from mtlx.data.inputs import Bag, Ids, Standardised

TASKS = (
    EventTask("bought", "binary", "bought"),
    EventTask("next_item", "multiclass", "item_id", foretells=True),
    EventTask("tags", "multilabel", "tags", foretells=True, classes=3),
)
INPUTS = {
    "user_id": Ids(),
    "hour": Ids(),
    "item_id": Ids(),
    "words": Bag(),
    "price": Standardised(),
}
ITEM = ("item_id", "words", "price")
HISTORY = ("item_id", "action")
LENGTH = 3
SPLITS = ("train", "validation", "test")


def raw_events(seed=0, count=90):
    rng = np.random.default_rng(seed)
    time = np.sort(rng.integers(0, 40, count))  # many at one moment
    item = rng.integers(0, 8, count) + 3 * (time > 32)  # some appear late
    return {
        "user": rng.integers(0, 6, count),
        "time": time,
        "item": item,
        "action": rng.integers(0, 3, count),
        "bought": rng.integers(0, 2, count),
        "hour": time % 5,
    }


def as_log(raw, past=None):
    """The columns of a log; words, price and tags are facts of the item."""
    item, time = raw["item"], raw["time"]
    facts = np.random.default_rng(9).integers(0, 2, (20, 3)).astype(np.int8)
    words = np.array([f"w{i % 4}|w{i % 3}" for i in range(20)])
    columns = {
        "user_id": Categorical.of(raw["user"]),
        "hour": Categorical.of(raw["hour"]),
        "item_id": Categorical.of(item),
        "words": Categorical.of(words[item]),
        "price": item * 1.5 + 1,
        "action": Categorical.of(raw["action"]),
        "bought": raw["bought"],
        "tags": facts[item],
    }
    past = np.ones(len(time), bool) if past is None else past
    return EventLog(
        columns,
        raw["user"],
        time,
        past,
        time < 28,
        (time >= 28) & (time < 34),
        time > 33,
    )


def build(log, tasks=TASKS, length=LENGTH, **options):
    return event_dataset(
        "made_up", log, tasks, INPUTS, ITEM, HISTORY, length, **options
    )
