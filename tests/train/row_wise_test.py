"""Lazy Adam and row-wise Adagrad against Adam, Adagrad and a loop over rows."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import traverse_util

from mtlx import balancers, train
from mtlx.models import find_tables
from mtlx.train import init_state, make_step
from mtlx.train.batch_losses import task_losses
from mtlx.train.optimizers import bind, lazy_adam, rowwise_adagrad
from tests.train.id_tables import (
    RATE,
    READ_BELOW,
    ROWS,
    TABLE,
    TASKS,
    assert_close,
    make,
    make_batch,
    make_model,
    rows_read,
)

B1, B2, EPS = 0.9, 0.999, 1e-8


@pytest.fixture(scope="module")
def small():
    return make_model()


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
        assert_close(lazy, adam, atol=1e-6)


def _five_steps(dataset, model, optimizer, batch):
    balancer = balancers.pcgrad()
    state = init_state(model, optimizer, balancer, batch, jax.random.key(0))
    step = make_step(model, dataset.tasks, optimizer, balancer, 8)
    run = jax.jit(lambda s: jax.lax.scan(lambda s, _: step(s, batch), s, length=5))
    return run(state)[0].params


def test_a_table_of_width_one_is_trained_as_by_adagrad():
    model, balancer = make_model(width=1), balancers.equal()
    after = []
    for optimizer in (rowwise_adagrad(RATE), optax.adagrad(RATE)):
        step, state = make(model, optimizer, balancer)
        step = jax.jit(step)
        for seed in range(3):
            state, _ = step(state, make_batch(seed))
        after.append(state.params)
    assert_close(*after, atol=1e-6)


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
    step, state = make(small, optimizer, balancers.constant(weights))
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
        batch = make_batch(count, rows=6)
        gradient = np.asarray(whole_gradient(jnp.asarray(table, jnp.float32), batch))
        _by_hand(rule, table, moments, gradient, rows_read(batch), count)
        before = np.asarray(state.params["encoder"]["embedding"])
        state, _ = step(state, batch)
        after = np.asarray(state.params["encoder"]["embedding"])
        others = np.setdiff1d(np.arange(ROWS), rows_read(batch))
        assert len(others) > 40
        np.testing.assert_array_equal(after[others], before[others])
    np.testing.assert_allclose(after, table, atol=2e-5)
    assert np.abs(after - start["encoder"]["embedding"]).max() > 100 * 2e-5
    dense = {path: leaf for path, leaf in state.params.items() if path != "encoder"}
    jax.tree.map(np.testing.assert_array_equal, dense, {p: start[p] for p in dense})
    for leaf in jax.tree.leaves(state.opt_state.rows):
        np.testing.assert_array_equal(leaf[READ_BELOW:30], leaf[-5:])  # as it began


def test_the_other_parameters_get_the_dense_optimizer(small):
    step, state = make(small, lazy_adam(RATE, dense=optax.sgd(0.5)), balancers.equal())
    plain, same = make(small, optax.sgd(0.5), balancers.equal())
    moved, _ = jax.jit(step)(state, make_batch(1))
    expected, _ = jax.jit(plain)(same, make_batch(1))
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
    step, state = make(small, rowwise_adagrad(RATE), needy)
    with pytest.raises(ValueError, match="second moments"):
        jax.eval_shape(step, state, make_batch(0))
