"""What `descend` does with any balancer."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mtlx import balancers
from mtlx.problems import convex_quadratics, descend, lifted
from mtlx.types import Balancer, Direction

PROBLEM = convex_quadratics()


def test_plain_descent_is_gradient_descent_on_the_sum():
    passed = descend(PROBLEM, balancers.equal(), optax.sgd(0.1), 5)
    x = PROBLEM.starts[0]
    for step in range(5):
        np.testing.assert_allclose(passed.x[0, step], x, rtol=1e-5)
        np.testing.assert_allclose(
            passed.losses[0, step], PROBLEM.losses(x), rtol=1e-4, atol=1e-6
        )
        x = x - 0.1 * jax.grad(lambda x: jnp.sum(PROBLEM.losses(x)))(x)
    assert passed.weights.shape == (3, 5, 2)
    np.testing.assert_array_equal(passed.weights, 1.0)
    np.testing.assert_array_equal(passed.steps, np.arange(6))


def test_records_are_a_part_of_the_run():
    def run(every):
        optimizer = optax.adam(0.01)
        return descend(PROBLEM, balancers.gradnorm(), optimizer, 60, record_every=every)

    fine, coarse = run(1), run(20)
    np.testing.assert_allclose(coarse.x, fine.x[:, ::20], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(coarse.weights, fine.weights[:, 19::20], rtol=1e-5)


def test_starts_do_not_see_each_other():
    starts = PROBLEM.starts[1:2]
    optimizer = optax.adam(0.01)
    together = descend(PROBLEM, balancers.dwa(window=5), optimizer, 30)
    alone = descend(PROBLEM, balancers.dwa(window=5), optimizer, 30, starts=starts)
    np.testing.assert_allclose(alone.x[0], together.x[1], rtol=1e-5, atol=1e-6)


def test_what_is_measured():
    """Gram matrices are J J^T, gradients J, keys differ by step and by start."""

    def update(signals, state, *, key=None):
        rows = signals.grads[("x",)]
        exact = jnp.abs(signals.gram - rows @ rows.T).max()
        cross = jnp.abs(signals.cross_gram - signals.gram).max()
        drawn = jax.random.uniform(key)
        return jnp.stack([exact + cross, drawn]), state

    needs = frozenset({"gram", "grads", "cross_gram", "key"})
    probe = Balancer(lambda tasks, shared: (), update, needs)
    weights = descend(PROBLEM, probe, optax.sgd(0.0), 8).weights
    np.testing.assert_allclose(weights[..., 0], 0.0, atol=1e-5)
    assert len(np.unique(weights[..., 1])) == 24


def test_noise_makes_independent_draws():
    def update(signals, state, *, key=None):
        return jnp.diagonal(signals.cross_gram), state

    probe = Balancer(lambda tasks: (), update, frozenset({"cross_gram"}))
    passed = descend(PROBLEM, probe, optax.sgd(0.0), 4000, noise=1.0)
    rows = jax.vmap(jax.jacobian(PROBLEM.losses))(PROBLEM.starts)
    # The noise's own square would add 2; the mean of the products does not hold it.
    expected = jnp.sum(rows**2, axis=-1)
    scale = jnp.sqrt(2.0 * expected + 2.0) / 4000**0.5
    gap = jnp.abs(jnp.mean(passed.weights, axis=1) - expected)
    assert bool(jnp.all(gap < 5.0 * scale)), gap / scale


def test_a_direction_is_followed_and_losses_after_are_told():
    def update(signals, state, *, key=None):
        gradient = {("x",): jnp.array([1.0, 2.0])}
        return Direction(gradient, jnp.stack([state, 0.0])), state

    def observe(losses, state):
        return losses[0]

    needs = frozenset({"grads", "losses_after"})
    probe = Balancer(lambda tasks, shared: jnp.zeros(()), update, needs, observe)
    passed = descend(PROBLEM, probe, optax.sgd(0.1), 3)
    np.testing.assert_allclose(
        passed.x[:, 3], PROBLEM.starts - jnp.array([[0.3, 0.6]]), rtol=1e-5
    )
    np.testing.assert_allclose(
        passed.weights[:, 1:, 0], passed.losses[:, 1:3, 0], rtol=1e-5
    )


def test_the_balancer_sees_float32_where_x_is_float64():
    def update(signals, state, *, key=None):
        assert {signals.losses.dtype, signals.gram.dtype} == {jnp.dtype("float32")}
        return jnp.ones(2), state

    probe = Balancer(lambda tasks: jnp.zeros(tasks), update, frozenset({"gram"}))
    with jax.enable_x64(True):
        passed = descend(convex_quadratics(), probe, optax.adam(0.1), 3)
    assert passed.x.dtype == passed.losses.dtype == jnp.dtype("float64")


def test_a_repeated_run_is_the_same():
    runs = [descend(PROBLEM, balancers.rlw(), optax.sgd(0.1), 20) for _ in range(2)]
    np.testing.assert_array_equal(runs[0].x, runs[1].x)


def test_errors():
    probe = Balancer(lambda tasks: (), lambda *a, **k: None, frozenset({"hessian"}))
    with pytest.raises(ValueError, match="hessian"):
        descend(PROBLEM, probe, optax.sgd(0.1), 10)
    with pytest.raises(ValueError, match="record_every to divide"):
        descend(PROBLEM, balancers.equal(), optax.sgd(0.1), 10, record_every=3)
    with pytest.raises(ValueError, match="floor"):
        lifted(PROBLEM._replace(floor=None))
