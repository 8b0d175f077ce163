"""The scanned, vmapped step against a textbook loop written out in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import traverse_util

from mtlx import balancers
from mtlx.data.feed import make_feed
from mtlx.losses import binary_cross_entropy, squared_error
from mtlx.train import init_state, make_step
from mtlx.train.program import compile_program
from mtlx.train.state import order_key
from mtlx.types import Batch

STEPS = 20
LEARNING_RATE = 0.01


def _textbook_weights(name, jacobian, losses, memory):
    """Task weights as the papers' pseudo-code has them, on whole gradients."""
    num_tasks = len(losses)
    if name == "equal":
        return np.ones(num_tasks)
    if name == "uncertainty":
        # s_t by Adam (b1 = .9, b2 = .999) on 1/2 exp(-s) L + s/2.
        s, m, v, count = memory.get("uncertainty", (0, 0, 0, 0))
        weights = 0.5 * np.exp(-s) * np.ones(num_tasks)
        gradient = -0.5 * np.exp(-s) * losses + 0.5
        m, v, count = (
            0.9 * m + 0.1 * gradient,
            0.999 * v + 0.001 * gradient**2,
            count + 1,
        )
        step = (m / (1 - 0.9**count)) / (np.sqrt(v / (1 - 0.999**count)) + 1e-8)
        memory["uncertainty"] = (s - 0.025 * step, m, v, count)
        return weights
    if name == "mgda":  # two tasks: the point of the segment nearest to the origin
        a, b = jacobian
        share = np.clip(np.dot(b - a, b) / np.dot(a - b, a - b), 0, 1)
        return np.array([share, 1 - share])
    raise AssertionError(name)


def _pcgrad_direction(jacobian):
    """PCGrad's Algorithm 1 for two tasks (with two, the order plays no part)."""
    total = np.zeros(jacobian.shape[1])
    for i, j in ((0, 1), (1, 0)):
        g, other = jacobian[i].copy(), jacobian[j]
        if g @ other < 0:
            g -= (g @ other) / (other @ other) * other
        total += g
    return total


def _textbook_run(name, model, tasks, params, batches):
    """One gradient a task, by its own forward pass; Adam by hand; a Python loop."""
    flat = traverse_util.flatten_dict(params)
    owners = {path: model.owner(path) for path in flat}
    shared = [path for path in flat if owners[path] is None]
    first = {path: np.zeros(leaf.shape) for path, leaf in flat.items()}
    second = {path: np.zeros(leaf.shape) for path, leaf in flat.items()}
    loss_of = {"binary": binary_cross_entropy, "regression": squared_error}
    memory, curve = {}, []
    for count, batch in enumerate(batches, start=1):
        grads, losses = [], []
        for task in tasks:
            rows = np.flatnonzero(np.asarray(batch.where[task.name]))

            def loss(params, task=task, rows=rows, batch=batch):
                outputs = model.apply({"params": params}, batch.features)
                labels = batch.labels[task.name][rows]
                return jnp.mean(loss_of[task.kind](outputs[task.name][rows], labels))

            value, grad = jax.value_and_grad(loss)(traverse_util.unflatten_dict(flat))
            losses.append(float(value))
            grads.append(traverse_util.flatten_dict(grad))
        losses = np.array(losses)
        jacobian = np.stack(
            [np.concatenate([np.ravel(g[path]) for path in shared]) for g in grads]
        ).astype(np.float64)
        if name == "pcgrad":
            direction = _pcgrad_direction(jacobian)
        else:
            direction = jacobian.T @ _textbook_weights(name, jacobian, losses, memory)
        update, start = {}, 0
        for path in shared:
            size = flat[path].size
            update[path] = direction[start : start + size].reshape(flat[path].shape)
            start += size
        for task, grad in zip(tasks, grads, strict=True):
            update |= {p: np.asarray(grad[p]) for p in flat if owners[p] == task.name}
        for path, gradient in update.items():
            first[path] = 0.9 * first[path] + 0.1 * gradient
            second[path] = 0.999 * second[path] + 0.001 * gradient**2
            m = first[path] / (1 - 0.9**count)
            v = second[path] / (1 - 0.999**count)
            flat[path] = flat[path] - LEARNING_RATE * m / (np.sqrt(v) + 1e-8)
            flat[path] = np.asarray(flat[path], np.float32)
        curve.append(losses)
    return flat, np.array(curve)


@pytest.mark.parametrize("name", ["equal", "uncertainty", "mgda", "pcgrad"])
def test_twenty_steps_equal_the_textbook_loop(name, two_tasks):
    dataset, model = two_tasks
    feed = make_feed(dataset.train, batch_size=12)
    balancer, optimizer = getattr(balancers, name)(), optax.adam(LEARNING_RATE)
    step = make_step(model, dataset.tasks, optimizer, balancer, feed.steps_per_epoch)
    first = feed.fetch(feed.arrays, jnp.arange(12))
    state = init_state(model, optimizer, balancer, first, jax.random.key(3))
    params = jax.tree.map(np.asarray, state.params)
    order = feed.order(order_key(state.key, jnp.int32(1)))
    batches = [feed.fetch(feed.arrays, index) for index in order[:STEPS]]
    flat, curve = _textbook_run(name, model, dataset.tasks, params, batches)

    program = compile_program(step, feed, state, chunks=1, chunk_steps=STEPS)
    state, history = program.run(
        state, feed.arrays, program.order(state.key, jnp.int32(1)), jnp.int32(0)
    )
    np.testing.assert_allclose(history["loss"], curve, rtol=1e-5, atol=1e-5)
    for path, leaf in traverse_util.flatten_dict(state.params).items():
        np.testing.assert_allclose(leaf, flat[path], atol=1e-5, err_msg=str(path))


@pytest.mark.parametrize(
    "name", ["equal", "uncertainty", "pcgrad", "cagrad", "gradnorm"]
)
def test_a_task_without_rows_has_no_loss_no_gradient_and_no_nan(name, dataset, model):
    balancer, optimizer = getattr(balancers, name)(), optax.sgd(0.1)
    rows = jax.tree.map(lambda column: jnp.asarray(column[:32]), dataset.train)
    where = {**rows.where, "buy": jnp.zeros(32, bool)}
    labels = {**rows.labels, "buy": jnp.full(32, jnp.nan)}
    batch = Batch(rows.features, labels, where)
    state = init_state(model, optimizer, balancer, batch, jax.random.key(0))
    step = jax.jit(make_step(model, dataset.tasks, optimizer, balancer, 8))
    after, metrics = step(state, batch)
    np.testing.assert_array_equal(metrics["present"], [True, False, True])
    assert metrics["loss"][1] == 0.0
    assert metrics["weight"][1] == 0.0
    for path, leaf in traverse_util.flatten_dict(after.params).items():
        assert np.isfinite(leaf).all(), path
        if model.owner(path) == "buy":
            before = traverse_util.flatten_dict(state.params)[path]
            np.testing.assert_array_equal(leaf, before, err_msg=str(path))


def test_masked_rows_do_not_count(dataset, model):
    """A batch with masked rows moves the parameters as the batch without them."""
    balancer, optimizer = balancers.equal(), optax.sgd(0.1)
    rows = jax.tree.map(lambda column: jnp.asarray(column[:32]), dataset.train)
    labelled = np.flatnonzero(np.asarray(rows.where["buy"]))
    only_buy = {t: jnp.zeros(32, bool) for t in rows.where} | {"buy": rows.where["buy"]}
    step = jax.jit(make_step(model, dataset.tasks, optimizer, balancer, 8))
    state = init_state(model, optimizer, balancer, rows, jax.random.key(0))
    masked, _ = step(state, rows._replace(where=only_buy))
    fewer = jax.tree.map(lambda x: x[labelled], rows._replace(where=only_buy))
    without, _ = step(state, fewer)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6),
        masked.params,
        without.params,
    )


def test_the_step_does_not_recompile(dataset, model, batch):
    balancer, optimizer = balancers.pcgrad(), optax.adam(1e-3)
    step = jax.jit(make_step(model, dataset.tasks, optimizer, balancer, 8))
    state = init_state(model, optimizer, balancer, batch, jax.random.key(0))
    state, _ = step(state, batch)
    state, _ = step(state, batch)
    state, _ = step(state, batch)
    assert step._cache_size() == 1


def test_seeds_are_vmapped_over_one_program(dataset, model, batch):
    balancer, optimizer = balancers.pcgrad(), optax.adam(1e-2)
    step = make_step(model, dataset.tasks, optimizer, balancer, 8)

    def run(key):
        state = init_state(model, optimizer, balancer, batch, key)
        return jax.lax.scan(lambda s, _: step(s, batch), state, length=5)[0].params

    keys = jax.random.split(jax.random.key(0), 3)
    together = jax.jit(jax.vmap(run))(keys)
    for member, key in enumerate(keys):
        alone = jax.tree.leaves(jax.jit(run)(key))
        for many, one in zip(jax.tree.leaves(together), alone, strict=True):
            np.testing.assert_allclose(many[member], one, rtol=1e-4, atol=1e-5)
