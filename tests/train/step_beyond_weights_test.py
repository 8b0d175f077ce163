"""Rules that go beyond weights: directions, independent batches, a look back."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mtlx import models, train
from mtlx.gradients import measure, split
from mtlx.train import init_state, make_step
from mtlx.train.batch_losses import task_losses
from mtlx.types import Balancer, Direction


def _take(batch, rows):
    return jax.tree.map(lambda column: column[rows], batch)


def _gradients(model, tasks, params, batch):
    """(losses, shared gradients stacked [T, n]) by one `jax.grad` a task."""

    def loss(params, task):
        outputs = model.apply({"params": params}, batch.features)
        return task_losses(tasks, outputs, batch)[0][task]

    rows = []
    for task in range(len(tasks)):
        grad = split(jax.grad(loss)(params, task), model.owner)[0]
        rows.append(jnp.concatenate([grad[path].ravel() for path in sorted(grad)]))
    return jnp.stack(rows)


def _flat(shared):
    return jnp.concatenate([shared[path].ravel() for path in sorted(shared)])


def test_a_direction_moves_the_shared_parameters_and_the_own_ones_plainly(
    dataset, model, batch
):
    """The rule below returns twice the first task's gradient, whatever the others."""

    def init(num_tasks, shared):
        assert set(shared) == {path for path in shared if model.owner(path) is None}
        return jax.tree.map(jnp.zeros_like, shared)

    def update(signals, state, *, key=None):
        gradient = jax.tree.map(lambda g: 2.0 * g[0], signals.grads)
        return Direction(gradient, jnp.array([2.0, 0.0, 0.0])), gradient

    balancer = Balancer(init, update, frozenset({"grads"}))
    optimizer = optax.sgd(1.0)
    state = init_state(model, optimizer, balancer, batch, jax.random.key(0))
    after, metrics = jax.jit(make_step(model, dataset.tasks, optimizer, balancer, 8))(
        state, batch
    )
    rows = _gradients(model, dataset.tasks, state.params, batch)
    before, _ = split(state.params, model.owner)
    moved, own = split(after.params, model.owner)
    np.testing.assert_allclose(
        _flat(moved), _flat(before) - 2.0 * rows[0], rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(
        _flat(after.balancer_state), 2.0 * rows[0], rtol=1e-4, atol=1e-6
    )
    np.testing.assert_array_equal(metrics["weight"], [2.0, 0.0, 0.0])
    start = split(state.params, model.owner)[1]
    assert any(not np.array_equal(own[path], start[path]) for path in own)


def test_a_cross_gram_comes_from_rows_that_the_direction_does_not_see(
    dataset, model, batch
):
    def update(signals, state, *, key=None):
        return jnp.ones(3), signals.cross_gram

    balancer = Balancer(
        lambda num_tasks: jnp.zeros((3, 3)), update, frozenset({"cross_gram"})
    )
    optimizer = optax.sgd(1.0)
    state = init_state(model, optimizer, balancer, batch, jax.random.key(0))
    after, _ = jax.jit(make_step(model, dataset.tasks, optimizer, balancer, 8))(
        state, batch
    )
    first, second, third = (_take(batch, slice(10 * i, 10 * i + 10)) for i in range(3))
    gradients = functools.partial(_gradients, model, dataset.tasks, state.params)
    expected = gradients(first) @ gradients(second).T
    np.testing.assert_allclose(after.balancer_state, expected, rtol=1e-4, atol=1e-6)
    assert not np.allclose(expected, expected.T, rtol=1e-3)  # two batches, not one
    before, _ = split(state.params, model.owner)
    moved, _ = split(after.params, model.owner)
    np.testing.assert_allclose(
        _flat(moved),
        _flat(before) - gradients(third).sum(0),
        rtol=1e-4,
        atol=1e-5,
    )


def test_a_cross_gram_needs_three_rows(dataset, model, batch):
    balancer = Balancer(
        lambda num_tasks: (),
        lambda signals, state, key=None: (jnp.ones(3), state),
        frozenset({"cross_gram"}),
    )
    two = _take(batch, slice(2))
    state = init_state(model, optax.sgd(0.1), balancer, two, jax.random.key(0))
    step = make_step(model, dataset.tasks, optax.sgd(0.1), balancer, 8)
    with pytest.raises(ValueError, match="at least 3 rows"):
        step(state, two)


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_a_rule_may_look_back_at_the_losses_after_the_step(norm, dataset, batch):
    """The batch statistics move once a step, not twice."""
    model = train.build_model(
        functools.partial(models.SharedBottom, bottom_widths=(8,), norm=norm),
        functools.partial(models.FeatureEncoder, embedding_dim=3),
        dataset,
    )

    def balancer_with(observe):
        return Balancer(
            lambda num_tasks: jnp.zeros(num_tasks),
            lambda signals, state, key=None: (jnp.ones(3), state),
            frozenset({"losses_after"} if observe else ()),
            observe,
        )

    optimizer = optax.sgd(0.1)
    looking = balancer_with(lambda after, state: after)
    blind = balancer_with(None)
    state = init_state(model, optimizer, looking, batch, jax.random.key(0))
    run = functools.partial(make_step, model, dataset.tasks, optimizer)
    after, metrics = jax.jit(run(looking, 8))(state, batch)
    same, _ = jax.jit(run(blind, 8))(state, batch)
    for one, other in zip(
        jax.tree.leaves((after.params, after.model_state)),
        jax.tree.leaves((same.params, same.model_state)),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-6)
    assert (after.balancer_state < metrics["loss"]).all()  # a step downhill
    outputs, _ = model.apply(
        {"params": after.params, **state.model_state},
        batch.features,
        train=True,
        mutable=list(state.model_state),
    )
    expected = task_losses(dataset.tasks, outputs, batch)[0]
    np.testing.assert_allclose(after.balancer_state, expected, rtol=1e-5)


def test_measure_takes_a_direction_only_with_gradients(dataset, model, batch):
    params = model.init(jax.random.key(0), batch.features)["params"]

    def loss_fn(params):
        outputs = model.apply({"params": params}, batch.features)
        return task_losses(dataset.tasks, outputs, batch)[0], {}

    measured = measure(loss_fn, params, model.owner, frozenset({"grads"}))
    shared = jax.tree.map(lambda g: g[1], measured.signals.grads)
    gradient = measured.gradient(Direction(shared, jnp.zeros(3)))
    again, _ = split(gradient, model.owner)
    for path, leaf in again.items():
        np.testing.assert_array_equal(leaf, shared[path])
