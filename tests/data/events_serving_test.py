"""Rows of events that are in no log, encoded as the log's own."""

import dataclasses
import json

import numpy as np
import pytest

from mtlx.data import DataError
from mtlx.data.categorical import Categorical
from mtlx.data.events.features import EventFeatures
from mtlx.data.past_events import PastEvents
from mtlx.data.past_items import PastItems
from mtlx.data.preprocessing import Preprocessing
from mtlx.data.vocabulary import Vocabulary
from tests.data.event_logs import (
    HISTORY,
    INPUTS,
    ITEM,
    LENGTH,
    as_log,
    build,
    raw_events,
)


def text(*rows):
    return Categorical.of(np.array(rows))


def past_of(raw, event):
    """All events before, by a loop: oldest first."""
    before = [
        (raw["time"][other], other)
        for other in range(len(raw["time"]))
        if raw["user"][other] == raw["user"][event]
        and raw["time"][other] < raw["time"][event]
    ]
    return [other for _, other in sorted(before)]


def raw_rows(raw, log, events):
    """The raw columns of some events, as a user would write them."""
    rows = {
        name: log.columns[name].take(events)
        if isinstance(log.columns[name], Categorical)
        else log.columns[name][events]
        for name in INPUTS
    }
    for name, source in (("item_id", "item"), ("action", "action")):
        lists = [[str(raw[source][o]) for o in past_of(raw, e)] for e in events]
        rows[f"history_{name}"] = text(*("|".join(values) for values in lists))
    return rows


@pytest.fixture
def fitted():
    raw = raw_events()
    log = as_log(raw)
    targets = ("item_id", "tags")
    features = EventFeatures.fit(log, INPUTS, ITEM, HISTORY, LENGTH, targets)
    stored = json.dumps(features.preprocessing(("tags",)).record())
    return raw, log, features, Preprocessing.restore(json.loads(stored))


def assert_same(found, expected):
    assert set(found) == set(expected)
    for name, column in expected.items():
        assert found[name].dtype == column.dtype, name
        np.testing.assert_array_equal(found[name], column, err_msg=name)


def test_rows_with_and_without_their_item(fitted):
    raw, log, features, preprocessing = fitted
    events = np.flatnonzero(log.test)
    rows = raw_rows(raw, log, events)
    encoded = preprocessing.encode(rows)
    assert_same(encoded, features.rows(events, True))
    assert_same(preprocessing.hide(encoded), features.rows(events, False))
    asked = Preprocessing.restore(preprocessing.record() | {"shown": False})
    query = {name: column for name, column in rows.items() if name not in ITEM}
    assert_same(asked.encode(query), features.rows(events, False))
    assert list(asked.kinds) == list(query)


def test_queries_of_a_history_alone(fitted):
    """All columns are the item's: the number of rows is that of the histories."""
    raw, log, *_ = fitted
    declared = {"item_id": INPUTS["item_id"]}
    features = EventFeatures.fit(log, declared, ITEM, HISTORY, LENGTH, ())
    asked = dataclasses.replace(features.preprocessing(()), shown=False)
    events = np.flatnonzero(log.test)
    rows = raw_rows(raw, log, events)
    assert list(asked.kinds) == ["history_item_id", "history_action"]
    query = {name: rows[name] for name in asked.kinds}
    assert_same(asked.encode(query), features.rows(events, False))


def test_the_data_set_says_which_tasks_see_no_item():
    raw = raw_events()
    preprocessing = build(as_log(raw)).preprocessing
    assert preprocessing.item == ITEM
    assert preprocessing.foretold == ("next_item", "tags")
    assert build(as_log(raw), show_item=True).preprocessing.foretold == ()


def test_a_history_whose_facts_differ_in_number_is_refused():
    past = PastEvents(("item", "stars"), 2, {"stars": Vocabulary(("1", "2"))})
    known = {"item": Vocabulary(("a", "b"))}
    rows = {
        "history_item": text("a|b|x", "", "b"),
        "history_stars": text("2|1|2", "", " 1 "),
    }
    np.testing.assert_array_equal(
        past.encode(rows, known),
        [[[2, 1], [0, 2]], [[-1, -1], [-1, -1]], [[2, 1], [-1, -1]]],
    )
    rows["history_stars"] = text("2|1|2", "1", "1")
    with pytest.raises(DataError, match="'history_stars', row 1: expected as many"):
        past.encode(rows, known)


def test_more_items_than_a_list_can_leave_out_are_refused():
    seen = PastItems("seen", "item", 2, refuse_longer=True)
    known = {"item": Vocabulary(("a", "b"))}
    rows = {"seen": text("b|a", "x", "")}
    ids = [[2, 1], [0, -1], [-1, -1]]
    np.testing.assert_array_equal(seen.encode(rows, known)[..., 0], ids)
    with pytest.raises(DataError, match="row 1: expected at most 2 items, found 3"):
        seen.encode({"seen": text("a", "a|b|a")}, known)
