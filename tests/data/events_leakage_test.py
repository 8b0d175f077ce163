"""No row of a log of events sees its future, nor the item that it is asked for."""

import jax
import numpy as np
import pytest

from tests.data.event_logs import SPLITS, TASKS, as_log, build, raw_events


@pytest.mark.parametrize("show_item", [False, True])
@pytest.mark.parametrize("now", [30, 34, 38])
def test_nothing_of_a_rows_features_is_of_its_future(now, show_item):
    """All that is known only from `now` on is changed: no row up to then notices."""
    raw, other = raw_events(), raw_events(seed=1)
    later = raw["time"] >= now
    changed = raw | {
        name: np.where(later, other[name], raw[name])
        for name in ("item", "action", "bought")
    }
    found = []
    for events in (raw, changed):
        data = build(as_log(events), show_item=show_item)
        for split in SPLITS:
            hidden = ~getattr(data, split).where["bought"]
            keep = rows_until(as_log(raw), data, split, now, hidden)
            features = getattr(data, split).features
            found.append({name: column[keep] for name, column in features.items()})
    half = len(found) // 2
    assert sum(len(f["history"]) for f in found[:half]) > 50
    for before, after in zip(found[:half], found[half:], strict=True):
        assert jax.tree.all(jax.tree.map(np.array_equal, before, after))


def rows_until(log, data, split, now, hidden):
    """Rows before `now`, and those at `now` whose item is hidden."""
    events = np.flatnonzero(getattr(log, split))
    if len(hidden) == len(events):
        times = log.time[events]
    else:
        seen = previous_events(log)
        times = np.concatenate([log.time[events], log.time[events[seen[events]]]])
    return (times < now) | ((times == now) & hidden)


def previous_events(log):
    earlier = (log.user[:, None] == log.user[None]) & (
        log.time[:, None] > log.time[None]
    )
    return earlier.any(axis=1)


def test_hidden_rows_of_one_history_and_context_are_alike():
    """Whatever is tried, the item cannot be told from a row that hides it."""
    raw = raw_events()
    log = as_log(raw)
    changed = log._replace(
        columns=log.columns
        | {
            name: log.columns[name].take(np.roll(np.arange(len(log.time)), 1))
            for name in ("words",)
        }
    )
    for split in SPLITS:
        first, second = (getattr(build(x), split) for x in (log, changed))
        hidden = ~first.where["bought"]
        assert hidden.any()
        for name in first.features:
            np.testing.assert_array_equal(
                first.features[name][hidden], second.features[name][hidden]
            )


@pytest.mark.parametrize("tasks", [TASKS, TASKS[1:]], ids=["shown", "hidden"])
def test_the_training_events_alone_fit(tasks):
    """Vocabularies of inputs, and those of histories and targets alone."""
    raw = raw_events()
    log = as_log(raw)
    kept = log.train | (raw["time"] == 29) | (raw["time"] == 36)
    short = as_log({name: column[kept] for name, column in raw.items()})
    full, part = build(log, tasks), build(short, tasks)
    assert full.schema == part.schema
    assert full.tasks == part.tasks
    same = jax.tree.map(np.array_equal, full.train, part.train)
    assert jax.tree.all(same)
