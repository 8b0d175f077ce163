"""Steps on the embedding rows that a batch reads, against steps on whole tables."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import traverse_util

from mtlx import balancers, models, train
from mtlx.data.blocks import Blocks
from mtlx.data.dataset import Dataset, Schema
from mtlx.gradients import layers, split
from mtlx.models import find_tables
from mtlx.models.lookup import TOUCHED
from mtlx.tasks import Task
from mtlx.train import bilevel, init_state, make_step
from mtlx.train.granularity import per_layer
from mtlx.train.optimizers import bind, lazy_adam, rowwise_adagrad
from mtlx.train.rows import Every, Some, touch
from mtlx.train.step import task_losses
from mtlx.types import Batch

TABLE = ("encoder", "embedding")
TASKS = (Task("click", "binary"), Task("spend", "regression"))
CARDINALITIES = (30, 30)
ROWS, READ_BELOW = 60, 25  # ids of both columns stay below: 10 rows are never read
RATE, B1, B2, EPS = 0.01, 0.9, 0.999, 1e-8


def _batch(seed: int, rows: int = 12) -> Batch:
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, READ_BELOW, size=(rows, 2)).astype(np.int32)
    labels = {
        "click": rng.integers(0, 2, rows).astype(np.float32),
        "spend": rng.normal(size=rows).astype(np.float32),
    }
    where = {"click": np.ones(rows, bool), "spend": rng.random(rows) < 0.6}
    labels["spend"][~where["spend"]] = np.nan
    numerical = rng.normal(size=(rows, 2)).astype(np.float32)
    features = {"categorical": ids, "numerical": numerical}
    return jax.tree.map(jnp.asarray, Batch(features, labels, where))


def _read(batch: Batch) -> np.ndarray:
    """Rows of the table that a batch reads."""
    return np.unique(np.asarray(batch.features["categorical"]) + np.array([0, 30]))


def _model(width: int = 2, architecture=None):
    batch = _batch(0)
    dataset = Dataset("ids", TASKS, Schema(CARDINALITIES, 2), batch, batch, batch)
    architecture = architecture or functools.partial(
        models.SharedBottom, bottom_widths=(4,), tower_widths=(3,)
    )
    encoder = functools.partial(models.FeatureEncoder, embedding_dim=width)
    return train.build_model(architecture, encoder, dataset)


@pytest.fixture(scope="module")
def small():
    return _model()


def _bound(optimizer, model):
    tables = find_tables(model, _batch(0).features)
    return bind(optimizer, len(TASKS), model.owner, tables)


def _step(model, optimizer, balancer, **options):
    optimizer = _bound(optimizer, model)
    state = init_state(model, optimizer, balancer, _batch(0), jax.random.key(0))
    return make_step(model, TASKS, optimizer, balancer, 8, **options), state


def _assert_close(one, other, **tolerances):
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, **tolerances), one, other
    )


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
    features = _batch(0).features
    assert find_tables(small, features) == (TABLE,)
    alone = _model(architecture=models.SingleTask)
    assert find_tables(alone, features) == (
        ("encoder_click", "embedding"),
        ("encoder_spend", "embedding"),
    )
    assert "lookups" not in small.init(jax.random.key(0), features)


def test_a_part_of_the_table_gives_what_the_whole_gives(small):
    features = dict(_batch(0).features)
    features["categorical"] = features["categorical"].at[0, 0].set(30)  # its own: < 30
    variables = small.init(jax.random.key(0), features)
    whole = small.apply(variables, features)
    ids = jnp.array([*_read(_batch(0)), ROWS, ROWS + 3])
    table = variables["params"]["encoder"]["embedding"]
    params = {**variables["params"], "encoder": {"embedding": table.at[ids].get()}}
    held = {"params": params, TOUCHED: {"encoder": {"embedding": ids}}}
    part = small.apply(held, features)
    assert np.isnan(whole["click"][0])
    _assert_close(part, whole, rtol=0)


def test_if_every_step_reads_every_row_it_is_adam(dataset, model, batch):
    reads = np.asarray(batch.features["categorical"]) + np.array([0, 5])
    assert len(np.unique(reads)) == 10
    tables = find_tables(model, batch.features)
    after = []
    for optimizer in (lazy_adam(RATE), lazy_adam(RATE, bias_correction="row")):
        optimizer = bind(optimizer, 3, model.owner, tables)
        after.append(_five_steps(dataset, model, optimizer, batch))
    adam = _five_steps(dataset, model, optax.adam(RATE), batch)
    for lazy in after:
        _assert_close(lazy, adam, atol=1e-6)


def _five_steps(dataset, model, optimizer, batch):
    balancer = balancers.pcgrad()
    state = init_state(model, optimizer, balancer, batch, jax.random.key(0))
    step = make_step(model, dataset.tasks, optimizer, balancer, 8)
    run = jax.jit(lambda s: jax.lax.scan(lambda s, _: step(s, batch), s, length=5))
    return run(state)[0].params


def test_a_table_of_width_one_is_trained_as_by_adagrad():
    model, balancer = _model(width=1), balancers.equal()
    after = []
    for optimizer in (rowwise_adagrad(RATE), optax.adagrad(RATE)):
        step, state = _step(model, optimizer, balancer)
        step = jax.jit(step)
        for seed in range(3):
            state, _ = step(state, _batch(seed))
        after.append(state.params)
    _assert_close(*after, atol=1e-6)


def _by_hand(rule, table, moments, gradient, read, count):
    """Moves the rows of `table` that were read, in place."""
    for row in read:
        g = gradient[row]
        if rule == "adagrad":
            moments["a"][row] += np.mean(g**2)
            table[row] -= RATE * g / np.sqrt(moments["a"][row] + 1e-7)
            continue
        moments["m"][row] = B1 * moments["m"][row] + (1 - B1) * g
        moments["v"][row] = B2 * moments["v"][row] + (1 - B2) * g**2
        moments["k"][row] += 1
        k = count if rule == "global" else moments["k"][row]
        m, v = moments["m"][row] / (1 - B1**k), moments["v"][row] / (1 - B2**k)
        table[row] -= RATE * m / (np.sqrt(v) + EPS)


@pytest.mark.parametrize("rule", ["global", "row", "adagrad"])
def test_twenty_steps_equal_a_loop_over_rows(rule, small):
    """The gradient by hand is that of whole tables, weighed sum over tasks."""
    weights = (1.0, -2.0)
    optimizer = (
        rowwise_adagrad(RATE, dense=optax.set_to_zero())
        if rule == "adagrad"
        else lazy_adam(RATE, bias_correction=rule, dense=optax.set_to_zero())
    )
    step, state = _step(small, optimizer, balancers.constant(weights))
    step = jax.jit(step)
    start = state.params

    @jax.jit
    def whole_gradient(table, batch):
        def loss(table):
            params = {**start, "encoder": {"embedding": table}}
            outputs = small.apply({"params": params}, batch.features)
            return jnp.dot(task_losses(TASKS, outputs, batch)[0], jnp.asarray(weights))

        return jax.grad(loss)(table)

    table = np.array(start["encoder"]["embedding"])
    moments = {name: np.zeros(table.shape) for name in "mv"}
    moments |= {"k": np.zeros(ROWS), "a": np.full(ROWS, 0.1)}
    for count in range(1, 21):
        batch = _batch(count, rows=6)
        gradient = np.asarray(whole_gradient(jnp.asarray(table, jnp.float32), batch))
        _by_hand(rule, table, moments, gradient, _read(batch), count)
        before = np.asarray(state.params["encoder"]["embedding"])
        state, _ = step(state, batch)
        after = np.asarray(state.params["encoder"]["embedding"])
        others = np.setdiff1d(np.arange(ROWS), _read(batch))
        assert len(others) > 40
        np.testing.assert_array_equal(after[others], before[others])
    np.testing.assert_allclose(after, table, atol=2e-5)
    assert np.abs(after - start["encoder"]["embedding"]).max() > 100 * 2e-5
    dense = {path: leaf for path, leaf in state.params.items() if path != "encoder"}
    jax.tree.map(np.testing.assert_array_equal, dense, {p: start[p] for p in dense})
    for leaf in jax.tree.leaves(state.opt_state.rows):
        np.testing.assert_array_equal(leaf[READ_BELOW:30], leaf[-5:])  # as it began


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
    batch = _batch(0)
    params = jax.jit(model.init)(jax.random.key(0), batch.features)["params"]

    @jax.jit
    def run(params):
        ends = {}
        for name, (balancer, grain) in members.items():
            for kind, optimizer in optimizers.items():
                step, state = _step(model, optimizer, balancer, granularity=grain)
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
    others = np.setdiff1d(np.arange(ROWS), _read(_batch(0)))
    before = params["encoder"]["embedding"]
    for name in members:
        after, weights = ends[name, "lazy"]
        assert np.isfinite(weights).all(), name
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(after)), name
        table = after["encoder"]["embedding"]
        np.testing.assert_array_equal(table[others], before[others], err_msg=name)
        assert (table[_read(_batch(0))] != before[_read(_batch(0))]).any(), name


def test_wrappers_and_granularities_do_too(small):
    balancer = balancers.mgda()
    shapes = jax.eval_shape(lambda: small.init(jax.random.key(0), _batch(0).features))
    count = len(layers(split(shapes["params"], small.owner)[0]))
    members = {
        "precondition": (balancers.precondition(balancers.pcgrad()), "all"),
        "every": (balancers.every(balancers.pcgrad(), 2), "all"),
        "layer": (per_layer(balancer, count), "layer"),
        "representation": (balancer, "representation"),
    }
    _assert_equals_adam(small, members)


def test_members_are_vmapped_over_one_program(small):
    balancer, optimizer = balancers.pcgrad(), _bound(lazy_adam(RATE), small)
    step = make_step(small, TASKS, optimizer, balancer, 8)
    batches = [_batch(seed, rows=6) for seed in range(3)]

    def run(key):
        state = init_state(small, optimizer, balancer, batches[0], key)
        for batch in batches:
            state, _ = step(state, batch)
        return state.params

    keys = jax.random.split(jax.random.key(0), 2)
    together = jax.jit(jax.vmap(run))(keys)
    alone = jax.jit(run)(keys[1])
    _assert_close(jax.tree.map(lambda x: x[1], together), alone, atol=1e-5)


def test_devices_hold_the_rows_that_any_of_them_reads(small):
    """Inside an axis: the row ids are gathered over it, and the same everywhere."""
    optimizer = _bound(lazy_adam(RATE), small)
    halves = [_batch(0, rows=4), _batch(1, rows=4)]
    init = functools.partial(init_state, small, optimizer, balancers.equal())
    state = init(halves[0], jax.random.key(0))

    def ids(batch):
        return touch(small, state, batch, axis="data")[TABLE].ids

    stacked = jax.tree.map(lambda *x: jnp.stack(x), *halves)
    one, other = jax.vmap(ids, axis_name="data")(stacked)
    np.testing.assert_array_equal(one, other)
    both = np.union1d(*map(_read, halves))
    np.testing.assert_array_equal(one[one < ROWS], both)


def test_the_other_parameters_get_the_dense_optimizer(small):
    step, state = _step(small, lazy_adam(RATE, dense=optax.sgd(0.5)), balancers.equal())
    plain, same = _step(small, optax.sgd(0.5), balancers.equal())
    moved, _ = jax.jit(step)(state, _batch(1))
    expected, _ = jax.jit(plain)(same, _batch(1))
    flat = traverse_util.flatten_dict(expected.params)
    for path, leaf in traverse_util.flatten_dict(moved.params).items():
        if path != TABLE:
            np.testing.assert_allclose(leaf, flat[path], atol=1e-6, err_msg=str(path))


def test_a_model_without_tables_gets_the_dense_optimizer_alone(small):
    optimizer = bind(lazy_adam(RATE), 2, small.owner, tables=())
    params = {"w": jnp.ones(3)}
    gradient = {"w": jnp.array([1.0, -2.0, 0.0])}
    update, _ = optimizer.update(gradient, optimizer.init(params), params)
    adam = optax.adam(RATE)
    expected, _ = adam.update(gradient, adam.init(params))
    np.testing.assert_array_equal(update["w"], expected["w"])


def test_a_resumed_run_repeats_the_uninterrupted_one(dataset, model, tmp_path):
    def fit(epochs, **options):
        return train.fit(
            model,
            dataset._replace(train=jax.tree.map(lambda x: x[:32], dataset.train)),
            balancers.pcgrad(),
            lazy_adam(RATE, bias_correction="row"),
            epochs=epochs,
            batch_size=4,
            **options,
        )

    whole = fit(2)
    fit(1, checkpointer=train.Checkpointer(tmp_path / "checkpoint"))
    resumed = fit(
        2, checkpointer=train.Checkpointer(tmp_path / "checkpoint"), resume=True
    )
    states = (whole.state.opt_state, resumed.state.opt_state)
    jax.tree.map(np.testing.assert_array_equal, *states)
    assert resumed.test == whole.test


def test_what_cannot_be_is_refused(small, dataset):
    with pytest.raises(ValueError, match="bias_correction.*'both'"):
        lazy_adam(RATE, bias_correction="both")
    with pytest.raises(ValueError, match="expected the paths of the embedding tables"):
        bind(lazy_adam(RATE), 2, small.owner)
    needy = balancers.precondition(balancers.pcgrad())
    step, state = _step(small, rowwise_adagrad(RATE), needy)
    with pytest.raises(ValueError, match="second moments"):
        jax.eval_shape(step, state, _batch(0))


@pytest.fixture(scope="module")
def logs():
    parts = [_batch(seed, rows=16) for seed in range(4)]
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
    _assert_close(_parameters(small, logs, parallel), alone, atol=1e-5)


def test_blocks_on_many_devices_are_refused(small, logs):
    class Source:
        sizes = (64,)

        def read(self, block):
            return logs.test

    blocks = logs._replace(train=Blocks(Source()))
    with pytest.raises(ValueError, match="many devices expected a training split in"):
        _parameters(small, blocks, "jit")
