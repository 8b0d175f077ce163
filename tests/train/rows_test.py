"""Steps on the embedding rows that a batch reads, against steps on whole tables."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mtlx import balancers, models, train
from mtlx.data.blocks import Blocks
from mtlx.data.dataset import Dataset, Schema
from mtlx.gradients import layers, split
from mtlx.models import find_tables
from mtlx.models.lookup import TOUCHED
from mtlx.train import bilevel, init_state, make_step
from mtlx.train.granularity import per_layer
from mtlx.train.optimizers import lazy_adam
from mtlx.train.rows import Every, Some, touch
from tests.train.id_tables import (
    CARDINALITIES,
    RATE,
    ROWS,
    TABLE,
    TASKS,
    assert_close,
    bound,
    make,
    make_batch,
    make_model,
    rows_read,
)


@pytest.fixture(scope="module")
def small():
    return make_model()


def test_some_rows_are_gathered_and_scattered():
    reads = jnp.array([7, 2, 7, 9, 10, 2, 0])  # 10 is beyond the table
    rows = Some(reads, 10)
    table = jnp.arange(20.0).reshape(10, 2)
    ids = np.asarray(rows.ids)
    assert (np.diff(ids) > 0).all()
    np.testing.assert_array_equal(ids[ids < 10], [0, 2, 7, 9])
    part = rows.gather(table)
    np.testing.assert_array_equal(part[:4], table[jnp.array([0, 2, 7, 9])])
    expected = np.array(table)
    expected[[0, 2, 7, 9]] += 100.0
    np.testing.assert_array_equal(rows.scatter(table, part + 100.0), expected)
    stacked = jnp.stack([table, -table])
    moved = rows.scatter(stacked, rows.gather(stacked, 1) + 100.0, 1)
    np.testing.assert_array_equal(moved[0], expected)


def test_every_row_is_held_and_those_read_are_replaced():
    rows = Every(jnp.array([3, 1, 3, 4, 1]), 4)  # 4 is beyond the table
    table = jnp.arange(8.0).reshape(4, 2)
    expected = np.array(table)
    expected[[1, 3]] = -1.0
    np.testing.assert_array_equal(
        rows.scatter(rows.gather(table), -jnp.ones((4, 2))), expected
    )
    stacked = rows.scatter(jnp.stack([table] * 3), -jnp.ones((3, 4, 2)), 1)
    np.testing.assert_array_equal(stacked[2], expected)


def test_tables_are_found_where_they_are_looked_up(small):
    features = make_batch(0).features
    assert find_tables(small, features) == (TABLE,)
    alone = make_model(architecture=models.SingleTask)
    assert find_tables(alone, features) == (
        ("encoder_click", "embedding"),
        ("encoder_spend", "embedding"),
    )
    assert "lookups" not in small.init(jax.random.key(0), features)


def test_a_part_of_the_table_gives_what_the_whole_gives(small):
    features = dict(make_batch(0).features)
    features["categorical"] = features["categorical"].at[0, 0].set(30)  # its own: < 30
    variables = small.init(jax.random.key(0), features)
    whole = small.apply(variables, features)
    ids = jnp.array([*rows_read(make_batch(0)), ROWS, ROWS + 3])
    table = variables["params"]["encoder"]["embedding"]
    params = {**variables["params"], "encoder": {"embedding": table.at[ids].get()}}
    held = {"params": params, TOUCHED: {"encoder": {"embedding": ids}}}
    part = small.apply(held, features)
    assert np.isnan(whole["click"][0])
    assert_close(part, whole, rtol=0)


# A balancer of each kind of need, and the ones that track gradients of tables' shape.
KINDS = {
    "pcgrad": balancers.pcgrad(),
    "gradnorm": balancers.gradnorm(),
    "moco": balancers.moco(),
    "momentum_config": balancers.momentum_config(),
    "excess_mtl": balancers.excess_mtl(),
    "db_mtl_ema": balancers.db_mtl_ema(),
    "famo": balancers.famo(),
    "modo": balancers.modo(),
    "auto_lambda": bilevel.auto_lambda(),
}


OTHERS = sorted({*balancers.__all__, *bilevel.__all__} - {*KINDS})


def _scanned(step, steps):
    def run(state, batch):
        return jax.lax.scan(lambda s, _: step(s, batch), state, length=steps)

    return run


def _ends(model, members, optimizers, steps):
    """Parameters and weights after steps on one batch; a single program for all."""
    batch = make_batch(0)
    params = jax.jit(model.init)(jax.random.key(0), batch.features)["params"]

    @jax.jit
    def run(params):
        ends = {}
        for name, (balancer, grain) in members.items():
            for kind, optimizer in optimizers.items():
                step, state = make(model, optimizer, balancer, granularity=grain)
                state = state._replace(params=params)
                # Single steps side by side: XLA merges what the members share.
                run_one = step if steps == 1 else _scanned(step, steps)
                state, metrics = run_one(state, batch)
                ends[name, kind] = (state.params, metrics["weight"])
        return ends

    return params, run(params)


def _assert_equals_adam(model, members):
    """On one batch again and again: so Adam's moments of the other rows are zero."""
    optimizers = {"lazy": lazy_adam(RATE), "dense": optax.adam(RATE)}
    _, ends = _ends(model, members, optimizers, steps=2)
    for name in members:
        pair = ends[name, "lazy"], ends[name, "dense"]
        for one, other in zip(*map(jax.tree.leaves, pair), strict=True):
            np.testing.assert_allclose(one, other, atol=2e-5, err_msg=name)


def test_balancers_of_every_need_decide_as_on_whole_tables(small):
    members = {name: (balancer, "all") for name, balancer in KINDS.items()}
    _assert_equals_adam(small, members)


@pytest.mark.parametrize("start", range(2))
def test_every_other_balancer_runs_and_leaves_the_other_rows(start, small):
    places = {**vars(balancers), **vars(bilevel)}
    members = {name: (places[name](), "all") for name in OTHERS[start::2]}
    params, ends = _ends(small, members, {"lazy": lazy_adam(RATE)}, steps=1)
    others = np.setdiff1d(np.arange(ROWS), rows_read(make_batch(0)))
    before = params["encoder"]["embedding"]
    for name in members:
        after, weights = ends[name, "lazy"]
        assert np.isfinite(weights).all(), name
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(after)), name
        table = after["encoder"]["embedding"]
        np.testing.assert_array_equal(table[others], before[others], err_msg=name)
        assert (
            table[rows_read(make_batch(0))] != before[rows_read(make_batch(0))]
        ).any(), name


def test_wrappers_and_granularities_do_too(small):
    balancer = balancers.mgda()
    shapes = jax.eval_shape(
        lambda: small.init(jax.random.key(0), make_batch(0).features)
    )
    count = len(layers(split(shapes["params"], small.owner)[0]))
    members = {
        "precondition": (balancers.precondition(balancers.pcgrad()), "all"),
        "every": (balancers.every(balancers.pcgrad(), 2), "all"),
        "layer": (per_layer(balancer, count), "layer"),
        "representation": (balancer, "representation"),
    }
    _assert_equals_adam(small, members)


def test_members_are_vmapped_over_one_program(small):
    balancer, optimizer = balancers.pcgrad(), bound(lazy_adam(RATE), small)
    step = make_step(small, TASKS, optimizer, balancer, 8)
    batches = [make_batch(seed, rows=6) for seed in range(3)]

    def run(key):
        state = init_state(small, optimizer, balancer, batches[0], key)
        for batch in batches:
            state, _ = step(state, batch)
        return state.params

    keys = jax.random.split(jax.random.key(0), 2)
    together = jax.jit(jax.vmap(run))(keys)
    alone = jax.jit(run)(keys[1])
    assert_close(jax.tree.map(lambda x: x[1], together), alone, atol=1e-5)


def test_devices_hold_the_rows_that_any_of_them_reads(small):
    """Inside an axis: the row ids are gathered over it, and the same everywhere."""
    optimizer = bound(lazy_adam(RATE), small)
    halves = [make_batch(0, rows=4), make_batch(1, rows=4)]
    init = functools.partial(init_state, small, optimizer, balancers.equal())
    state = init(halves[0], jax.random.key(0))

    def ids(batch):
        return touch(small, state, batch, axis="data")[TABLE].ids

    stacked = jax.tree.map(lambda *x: jnp.stack(x), *halves)
    one, other = jax.vmap(ids, axis_name="data")(stacked)
    np.testing.assert_array_equal(one, other)
    both = np.union1d(*map(rows_read, halves))
    np.testing.assert_array_equal(one[one < ROWS], both)


@pytest.fixture(scope="module")
def logs():
    parts = [make_batch(seed, rows=16) for seed in range(4)]
    rows = jax.tree.map(lambda *x: np.concatenate(x), *parts)
    return Dataset("logs", TASKS, Schema(CARDINALITIES, 2), rows, rows, rows)


def _parameters(small, logs, parallel):
    result = train.fit(
        small,
        logs,
        balancers.pcgrad(),
        lazy_adam(RATE),
        epochs=1,
        batch_size=16,
        parallel=parallel,
    )
    return jax.tree.map(np.asarray, result.state.params)


@pytest.mark.parametrize("parallel", ["jit", "shard_map", "pmap"])
def test_eight_devices_make_the_updates_of_one(parallel, small, logs):
    alone = _parameters(small, logs, None)
    assert_close(_parameters(small, logs, parallel), alone, atol=1e-5)


def test_blocks_on_many_devices_are_refused(small, logs):
    class Source:
        sizes = (64,)

        def read(self, block):
            return logs.test

    blocks = logs._replace(train=Blocks(Source()))
    with pytest.raises(ValueError, match="many devices expected a training split in"):
        _parameters(small, blocks, "jit")
