"""Logs of events: rows against a loop over the log."""

import numpy as np
import pytest

from mtlx.data import DataError
from mtlx.data.categorical import Categorical
from mtlx.data.events import event_dataset, split_by_time, split_by_user
from mtlx.data.inputs import Ids
from tests.data.event_logs import (
    HISTORY,
    INPUTS,
    ITEM,
    LENGTH,
    SPLITS,
    TASKS,
    as_log,
    build,
    raw_events,
)


def ids_of(values, train):
    known = sorted({str(v) for v in values[train]})
    return {value: rank for rank, value in enumerate(known, start=1)}


def expected_rows(raw, mask):
    """(shown, event, history) of each row of a split, by a loop."""
    log = as_log(raw)
    items = ids_of(raw["item"], log.train)
    actions = ids_of(raw["action"], log.train)
    rows = []
    for shown in (True, False):
        for event in np.flatnonzero(mask):
            before = [
                (raw["time"][other], other)
                for other in range(len(mask))
                if raw["user"][other] == raw["user"][event]
                and raw["time"][other] < raw["time"][event]
            ]
            seen = [other for _, other in sorted(before)][-LENGTH:]
            if shown or seen:
                history = [
                    [items.get(str(raw["item"][o]), 0), actions[str(raw["action"][o])]]
                    for o in seen
                ]
                history += [[-1, -1]] * (LENGTH - len(seen))
                rows.append((shown, event, history))
    return rows


@pytest.mark.parametrize("split", SPLITS)
def test_rows_are_those_of_a_loop_over_the_log(split):
    raw, log = raw_events(), as_log(raw_events())
    batch = getattr(build(log), split)
    expected = expected_rows(raw, getattr(log, split))
    items = ids_of(raw["item"], log.train)
    assert len(batch.labels["bought"]) == len(expected)
    names = build(log).schema.names
    prices = log.columns["price"]
    scale = prices[log.train]
    for row, (shown, event, history) in enumerate(expected):
        target = items.get(str(raw["item"][event]), 0)
        assert batch.features["history"][row].tolist() == history
        ids = dict(zip(names, batch.features["categorical"][row], strict=True))
        assert ids["item_id"] == (target if shown else 0)
        price = (prices[event] - scale.mean()) / scale.std() if shown else 0.0
        assert batch.features["numerical"][row, 0] == pytest.approx(price, abs=1e-5)
        assert (batch.features["words"][row] >= 0).any() == shown
        assert batch.where["bought"][row] == shown
        assert batch.where["next_item"][row] == (not shown and target > 0)
        assert batch.where["tags"][row] == (not shown)
        if not shown:
            assert batch.labels["next_item"][row] == max(target, 0)
            np.testing.assert_array_equal(
                batch.labels["tags"][row], log.columns["tags"][event]
            )
        else:
            assert batch.labels["bought"][row] == raw["bought"][event]
    if split == "train":
        assert batch.groups is None
    else:
        users = [raw["user"][event] for _, event, _ in expected]
        np.testing.assert_array_equal(batch.groups, users)


def test_without_tasks_that_judge_the_items_columns_are_no_inputs():
    data = build(as_log(raw_events()), TASKS[1:])
    assert data.schema.names == ("user_id", "hour")
    assert data.schema.personal == ("user_id",)
    (field,) = data.schema.fields
    assert (field.name, field.shape, field.shared) == ("history", (3, 2), ())
    shown = build(as_log(raw_events()))
    assert shown.schema.fields[-1].shared == ("item_id", None)
    assert shown.schema.personal == ("user_id", "item_id")
    assert field.sizes == shown.schema.fields[-1].sizes
    item = shown.schema.names.index("item_id")
    assert field.sizes[0] == shown.schema.cardinalities[item]
    assert shown.tasks[1].num_classes == field.sizes[0]


def test_items_are_shown_on_request():
    log = as_log(raw_events())
    data = build(log, show_item=True)
    assert len(data.train.labels["bought"]) == log.train.sum()
    item = data.train.features["categorical"][:, data.schema.names.index("item_id")]
    counted = data.train.where["next_item"]
    assert 0 < counted.sum() < len(item)  # the first event of a user has no past
    np.testing.assert_array_equal(
        item[counted], data.train.labels["next_item"][counted]
    )
    assert data.schema.foretold == tuple(t.name for t in TASKS if t.foretells) != ()
    assert build(log).schema.foretold == ()


def test_cold_targets_are_masked_or_misses():
    log = as_log(raw_events())
    masked, missed = (build(log, cold_targets=rule) for rule in ("mask", "miss"))
    cold = missed.test.where["next_item"] & ~masked.test.where["next_item"]
    assert cold.any()
    assert (missed.test.labels["next_item"][cold] == 0).all()
    assert (missed.train.labels["next_item"][missed.train.where["next_item"]] > 0).all()
    with pytest.raises(ValueError, match="'mask', 'miss'.*found 'keep'"):
        build(log, cold_targets="keep")


@pytest.mark.parametrize("cold_targets", ["mask", "miss"])
def test_rare_items_have_one_vocabulary_everywhere(cold_targets):
    log = as_log(raw_events())
    counts = Categorical.counts(log.columns["item_id"].take(log.train))
    most = sorted(counts.values())[-3]
    inputs = INPUTS | {"item_id": Ids(min_count=most)}
    data = event_dataset(
        "made_up", log, TASKS, inputs, ITEM, HISTORY, LENGTH, cold_targets=cold_targets
    )
    kept = sum(count >= most for count in counts.values())
    item = data.schema.names.index("item_id")
    assert data.schema.cardinalities[item] == data.tasks[1].num_classes == kept + 1
    assert data.schema.fields[-1].sizes[0] == kept + 1
    counted = data.train.where["next_item"]
    assert 0 < counted.sum() < data.train.where["tags"].sum()
    assert (data.train.labels["next_item"][counted] > 0).all()
    assert (data.test.where["tags"] == data.test.where["next_item"]).all() == (
        cold_targets == "miss"
    )


def test_a_history_holds_past_events_alone():
    raw = raw_events()
    past = raw["action"] == 0
    data = build(as_log(raw, past))
    seen = data.train.features["history"][..., 1]
    assert set(np.unique(seen)) == {-1, 1}  # the id of action 0


def test_no_history():
    data = build(as_log(raw_events()), length=0)
    assert "history" not in data.train.features
    assert [field.name for field in data.schema.fields] == ["words"]
    assert data.train.where["next_item"].sum() == as_log(raw_events()).train.sum()
    with pytest.raises(ValueError, match="history >= 0 events, found -1"):
        build(as_log(raw_events()), length=-1)


def test_a_split_without_rows_is_refused():
    log = as_log(raw_events())
    empty = log._replace(test=np.zeros(len(log.time), bool))
    with pytest.raises(DataError, match="found none for test"):
        build(empty)


def test_splits_by_time_part_no_moment():
    time = np.array([5, 1, 1, 2, 3, 3, 3, 4, 4, 9])
    masks = split_by_time(time, (0.5, 0.2))
    np.testing.assert_array_equal(np.sum(masks, axis=0), 1)
    assert [set(time[mask]) for mask in masks] == [{1, 2}, {3}, {4, 5, 9}]


def test_splits_by_user_part_no_user():
    user = np.random.default_rng(0).integers(0, 20, 300) * 7
    masks = split_by_user(user, seed=3, shares=(0.5, 0.25))
    np.testing.assert_array_equal(np.sum(masks, axis=0), 1)
    parts = [set(user[mask]) for mask in masks]
    assert [len(part) for part in parts] == [10, 5, 5]
    assert not (parts[0] & parts[1] or parts[1] & parts[2] or parts[0] & parts[2])
    again = split_by_user(user, seed=3, shares=(0.5, 0.25))
    other = split_by_user(user, seed=4, shares=(0.5, 0.25))
    assert np.array_equal(masks, again)
    assert not np.array_equal(masks, other)
