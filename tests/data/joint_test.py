"""Joint data sets: who has its turn, which rows come, and what each row counts for."""

import jax
import numpy as np
import pytest

from mtlx.data import Dataset, Stream, joint
from mtlx.data.feed import make_feed
from mtlx.data.joint_rows import divide, sampling_shares
from mtlx.tasks import Task
from mtlx.types import Batch, Schema

ROWS = {"a": 40, "b": 10}


def made_up(name, rows, grouped=False):
    """A row holds its own number everywhere, so that it is known again."""
    number = np.arange(rows)
    features = {"numerical": number[:, None].astype(np.float32) + 1}
    schema = Schema(numericals=1)
    if name == "a":
        features["categorical"] = number[:, None].astype(np.int32) + 1
        schema = Schema((rows + 1,), 1, ("id",))
    batch = Batch(
        features,
        labels={"y": number.astype(np.float32), "z": number % 2.0},
        where={"y": np.ones(rows, bool), "z": number % 3 == 0},
        groups=number // 2 if grouped else None,
    )
    tasks = (Task("y", "regression"), Task("z", "binary"))
    test = batch._replace(groups=number // 2 if name == "a" else None)
    return Dataset(name, tasks, schema, batch, test, test)


def pair(**options):
    return joint({name: made_up(name, rows) for name, rows in ROWS.items()}, **options)


def epoch(data, batch_size, seed=0):
    """(order [steps, B], batches stacked) of an epoch."""
    feed = make_feed(data.train, batch_size)
    order = jax.jit(feed.order)(jax.random.key(seed))
    return order, jax.jit(jax.vmap(feed.fetch, (None, 0)))(feed.arrays, order)


def test_shares():
    sizes = (900, 100)
    for rule, tau, expected in (
        ("proportional", 5.0, [0.9, 0.1]),
        ("round_robin", 5.0, [0.5, 0.5]),
        ("temperature", 1.0, [0.9, 0.1]),
        ("temperature", 2.0, [30 / 40, 10 / 40]),
    ):
        np.testing.assert_allclose(sampling_shares(sizes, rule, tau), expected)


@pytest.mark.parametrize("rows", [4, 7, 100])
def test_divided_rows_are_near_their_shares(rows):
    shares = np.array([0.55, 0.25, 0.195, 0.005])
    parts = divide(rows, shares)
    assert sum(parts) == rows
    assert min(parts) >= 1
    if rows == 100:
        assert parts == (55, 25, 19, 1)


def test_every_row_comes_with_its_own_features_labels_and_mask():
    order, batch = epoch(pair(), batch_size=10)
    number, source = np.asarray(order), np.asarray(batch.features["source"])
    local = np.where(source == 1, number - 40, number)
    for place, name in enumerate(ROWS):
        mine = source == place
        assert mine.any()
        own = {k: v for k, v in batch.features.items() if k.startswith(f"{name}/")}
        assert own.keys() == {f"{name}/{k}" for k in made_up(name, 4).train.features}
        for column in own.values():
            np.testing.assert_array_equal(column[..., 0], mine * (local + 1))
        for task, label, mask in (
            (f"{name}_y", local, mine),
            (f"{name}_z", local % 2, mine & (local % 3 == 0)),
        ):
            np.testing.assert_array_equal(batch.labels[task], mine * label)
            np.testing.assert_array_equal(batch.where[task], mask)


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({}, (8, 2)),
        ({"rule": "round_robin"}, (5, 5)),
        ({"rule": "temperature", "temperature": 2.0}, (7, 3)),
        ({"batch_sizes": {"b": 4, "a": 6}}, (6, 4)),
    ],
)
def test_parts_of_a_batch(options, parts):
    """sqrt(40) : sqrt(10) is 2 : 1, of ten rows 6.67 and 3.33."""
    order, batch = epoch(pair(mix="batch", **options), batch_size=10)
    assert order.shape == (5, 10)
    source = np.asarray(batch.features["source"])
    assert ((source == 0).sum(axis=1) == parts[0]).all()
    assert ((source == 1).sum(axis=1) == parts[1]).all()


def test_round_robin_takes_turns():
    options = {"rule": "round_robin", "mix": "step", "steps_per_epoch": 7}
    _, batch = epoch(pair(**options), batch_size=5)
    expected = np.repeat([[0], [1], [0], [1], [0], [1], [0]], 5, axis=1)
    np.testing.assert_array_equal(batch.features["source"], expected)


@pytest.mark.parametrize("tau", [1.0, 3.0])
def test_steps_are_drawn_with_the_shares(tau):
    steps, rows = 4000, np.array([40.0, 10.0])
    options = {"rule": "temperature", "temperature": tau, "mix": "step"}
    _, batch = epoch(pair(**options, steps_per_epoch=steps), batch_size=5)
    source = np.asarray(batch.features["source"])
    assert (source == source[:, :1]).all()
    p = (rows ** (1 / tau) / (rows ** (1 / tau)).sum())[1]
    deviation = np.sqrt(p * (1 - p) / steps)
    assert abs((source[:, 0] == 1).mean() - p) < 4 * deviation


@pytest.mark.parametrize("mix", ["step", "batch"])
def test_loaders_go_through_all_rows_before_any_comes_again(mix):
    data = pair(rule="round_robin", mix=mix, steps_per_epoch=24)
    order, batch = epoch(data, batch_size=10 if mix == "batch" else 5)
    source = np.asarray(batch.features["source"]).ravel()
    for place, rows in enumerate(ROWS.values()):
        seen = np.asarray(order).ravel()[source == place]
        passes = seen[: len(seen) // rows * rows].reshape(-1, rows)
        assert len(passes) >= 1
        first = 40 * place
        expected = np.tile(np.arange(first, first + rows), (len(passes), 1))
        np.testing.assert_array_equal(np.sort(passes, axis=1), expected)
        if len(passes) > 1:
            assert (passes[0] != passes[1]).any()


def test_an_epoch_is_a_function_of_its_key():
    data = pair(rule="temperature", temperature=2.0, mix="step")
    first, again, other = (epoch(data, 5, seed)[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_some_of_a_batchs_rows_are_those_rows_alone():
    feed = make_feed(pair().train, 10)
    index = feed.order(jax.random.key(0))[0]
    whole, part = (feed.fetch(feed.arrays, i) for i in (index, index[3:7]))
    cut = jax.tree.map(lambda x: x[3:7], whole)
    assert jax.tree.all(jax.tree.map(np.array_equal, cut, part))


def test_evaluation_has_all_rows_of_all_and_keeps_groups_apart():
    data = pair()
    assert [task.name for task in data.tasks] == ["a_y", "a_z", "b_y", "b_z"]
    test = data.test
    assert test.where["a_y"].sum() == 40
    assert test.where["b_y"].sum() == 10
    np.testing.assert_array_equal(test.labels["b_y"][40:], np.arange(10))
    np.testing.assert_array_equal(test.groups[:40], np.arange(40) // 2)
    np.testing.assert_array_equal(test.groups[40:], np.full(10, 20))


def test_one_encoder_for_all_where_the_schemas_are_one():
    data = joint({"b": made_up("b", 10), "c": made_up("c", 6)}, share_encoder=True)
    assert data.schema == Schema(numericals=1)
    assert set(data.test.features) == {"numerical", "source"}
    expected = np.r_[np.arange(10), np.arange(6)][:, None] + 1
    np.testing.assert_array_equal(data.test.features["numerical"], expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": "rnd"}, r"rule to be one of \('round_robin', .* found 'rnd'"),
        ({"mix": "row"}, r"mix to be one of \('step', 'batch'\), found 'row'"),
        ({"rule": "temperature", "temperature": 0.5}, "temperature >= 1 .* found 0.5"),
        ({"batch_sizes": {"a": 3}}, "a size for each data set of .* found {'a': 3}"),
        ({"share_encoder": True}, "expected one schema for all .* encoder=joint"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        pair(**options)


@pytest.mark.parametrize(
    ("options", "size", "message"),
    [
        ({"batch_sizes": {"a": 3, "b": 3}}, 10, "add up to batch_size=10, .* is 6"),
        (
            {"mix": "step", "batch_sizes": {"a": 3, "b": 4}},
            4,
            "batches of batch_size=4 rows for all .* Use mix='batch'",
        ),
        ({"mix": "step"}, 11, "found 10 rows for 11 of a batch"),
        ({}, 1, "a row of each of 2 data sets, found batch_size=1"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(options, size, message):
    with pytest.raises(ValueError, match=message):
        make_feed(pair(**options).train, size)


def test_a_stream_and_names_that_are_none_are_refused():
    a, b = made_up("a", 4), made_up("b", 4)
    stream = b._replace(train=Stream(lambda *_: b.train, 1))
    with pytest.raises(ValueError, match="rows in memory, found Stream for 'b'"):
        joint({"a": a, "b": stream})
    for datasets in ({}, {"a": a, "b/c": b}):
        with pytest.raises(ValueError, match="data sets under names that are"):
            joint(datasets)
