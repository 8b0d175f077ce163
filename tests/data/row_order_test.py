"""Passes over rows: each once, and those of a group together where there are groups."""

import jax
import numpy as np
import pytest

from mtlx.data import joint
from mtlx.data.dataset import Dataset
from mtlx.data.feed import make_feed
from mtlx.data.row_order import row_order
from mtlx.tasks import Task
from mtlx.types import Batch, Schema

GROUPS = np.random.default_rng(0).integers(0, 9, 60) * 11


def pieces(groups):
    """Runs of equal numbers."""
    return 1 + np.count_nonzero(np.diff(groups))


@pytest.mark.parametrize("groups", [None, GROUPS])
def test_every_row_comes_once_in_another_order_each_time(groups):
    order = jax.jit(row_order(60, groups))
    first, second = (np.asarray(order(jax.random.key(seed))) for seed in (0, 1))
    for rows in (first, second):
        np.testing.assert_array_equal(np.sort(rows), np.arange(60))
    assert (first != second).any()
    np.testing.assert_array_equal(first, order(jax.random.key(0)))


def test_the_rows_of_a_group_come_together_and_groups_in_any_order():
    order = row_order(60, GROUPS)
    passes = [GROUPS[np.asarray(order(jax.random.key(seed)))] for seed in range(20)]
    assert {pieces(groups) for groups in passes} == {len(np.unique(GROUPS))}
    assert len({groups[0] for groups in passes}) > 3


def split(rows, groups):
    number = np.arange(rows, dtype=np.float32)
    return Batch(
        {"numerical": number[:, None]},
        {"y": number},
        {"y": np.ones(rows, bool)},
        groups,
    )


def test_a_feed_keeps_the_groups_of_its_rows():
    feed = make_feed(split(60, GROUPS), 20)
    batches = jax.vmap(feed.fetch, (None, 0))(
        feed.arrays, feed.order(jax.random.key(0))
    )
    rows = np.asarray(batches.labels["y"], int)
    np.testing.assert_array_equal(batches.groups, GROUPS[rows])
    assert pieces(GROUPS[rows.ravel()]) == len(np.unique(GROUPS))


def test_so_does_a_joint_one_for_the_data_set_that_has_them():
    alone = split(30, None)
    task, schema = (Task("y", "regression"),), Schema(numericals=1)
    both = {
        "lists": Dataset("lists", task, schema, split(60, GROUPS), alone, alone),
        "rows": Dataset("rows", task, schema, alone, alone, alone),
    }
    feed = make_feed(joint(both).train, 30)
    batches = jax.vmap(feed.fetch, (None, 0))(
        feed.arrays, feed.order(jax.random.key(0))
    )
    for batch in range(len(batches.groups)):
        mine = np.asarray(batches.where["lists_y"][batch])
        rows = np.asarray(batches.labels["lists_y"][batch], int)[mine]
        groups = np.asarray(batches.groups[batch])
        np.testing.assert_array_equal(groups[mine], GROUPS[rows])
        assert not groups[~mine].any()
        assert pieces(groups[mine]) == len(np.unique(groups[mine]))
