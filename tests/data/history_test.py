"""Histories against a loop over all rows before each row."""

import numpy as np
import pytest

from mtlx.data.history import previous_items, previous_rows


def rows(seed, count=120):
    rng = np.random.default_rng(seed)
    return {
        "user": rng.integers(0, 7, count) * 10**6,
        "time": rng.integers(0, 25, count) + 1_650_000_000_000,  # many at one moment
        "item": rng.permutation(count),
        "chosen": rng.random(count) < 0.6,
    }


def expected(user, time, item, chosen, row, length):
    earlier = [
        (time[other], other)
        for other in range(len(user))
        if chosen[other] and user[other] == user[row] and time[other] < time[row]
    ]
    kept = [item[other] for _, other in sorted(earlier)][-length:]
    return kept + [-1] * (length - len(kept))


@pytest.mark.parametrize("length", [1, 4, 200])
@pytest.mark.parametrize("seed", range(2))
def test_the_last_chosen_items_of_the_user_strictly_before(seed, length):
    log = rows(seed)
    found = previous_items(**log, length=length)
    assert found.dtype == np.int32
    assert found.tolist() == [
        expected(**log, row=row, length=length) for row in range(len(log["user"]))
    ]


def test_a_row_does_not_see_its_own_moment():
    ones = np.ones(3, np.int64)
    found = previous_items(ones, ones, np.arange(3), ones == 1, length=2)
    assert (found == -1).all()


def test_nothing_chosen_is_an_empty_history():
    log = rows(0) | {"chosen": np.zeros(120, bool)}
    assert (previous_items(**log, length=3) == -1).all()


def test_what_comes_later_changes_nothing():
    log = rows(3)
    now = np.sort(log["time"])[60]
    before = log["time"] <= now
    past = {name: column[before] for name, column in log.items()}
    np.testing.assert_array_equal(
        previous_items(**log, length=5)[before], previous_items(**past, length=5)
    )


@pytest.mark.parametrize("length", [1, 4])
def test_numbers_of_rows_are_those_of_the_items(length):
    log = rows(2)
    item = log.pop("item")
    found = previous_rows(**log, length=length)
    items = previous_items(**log, item=item, length=length)
    np.testing.assert_array_equal(np.where(found < 0, -1, item[found]), items)
    assert ((found < 0) == (items < 0)).all()
