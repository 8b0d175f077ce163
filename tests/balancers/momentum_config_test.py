import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mtlx import balancers
from mtlx.types import Signals


def run(balancer, steps):
    """Directions [S, n], weights [S, T] and states for gradients [S, T, n]."""
    steps = jnp.asarray(steps, jnp.float32)
    state = balancer.init(steps.shape[1], {"w": steps[0, 0]})

    def body(state, rows):
        signals = Signals(jnp.ones(len(rows)), grads={"w": rows})
        found, state = balancer.update(signals, state)
        return state, (found.gradient["w"], found.weights)

    state, found = jax.jit(lambda: jax.lax.scan(body, state, steps))()
    return *map(np.asarray, found), state


def config(rows):
    """ConFIG on the gradients themselves, by a pseudo-inverse [n, T]."""
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    direction = np.linalg.pinv(units) @ np.ones(len(rows))
    direction /= np.linalg.norm(direction)
    return (rows @ direction).sum() * direction


@pytest.mark.parametrize("tasks", [2, 3, 5])
def test_the_first_direction_is_configs_sign(tasks):
    """At k = 1 momenta are the gradients, g_c = d and sqrt(v) = |d|, as in Adam; the
    weights are ConFIG's."""
    rng = np.random.default_rng(tasks)
    rows = rng.standard_normal((tasks, 20)) * rng.uniform(0.1, 9, (tasks, 1))
    found, weights, _ = run(balancers.momentum_config(), [rows])
    expected = config(rows)
    np.testing.assert_allclose(found[0], np.sign(expected), rtol=1e-4)
    np.testing.assert_allclose(weights[0] @ rows, expected, rtol=1e-3, atol=1e-3)


def test_opposed_momenta_stand_still():
    row = np.array([3.0, 4.0, 0.0])
    found, weights, _ = run(balancers.momentum_config(), [[row, -2 * row]] * 3)
    np.testing.assert_array_equal(found, np.zeros((3, 3)))
    np.testing.assert_array_equal(weights, np.zeros((3, 2)))


def test_a_task_without_a_gradient_is_left_out():
    rows = np.random.default_rng(6).standard_normal((5, 1, 4))
    one, _, _ = run(balancers.momentum_config(), rows)
    both = np.concatenate([rows, 0 * rows], axis=1)
    found, weights, _ = run(balancers.momentum_config(), both)
    np.testing.assert_allclose(found, one, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(weights, [[1.0, 0.0]] * 5, rtol=1e-4)


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.0, 0.9), (0.5, 0.5)])
def test_one_task_is_adam(betas):
    steps = np.random.default_rng(1).standard_normal((12, 1, 5))
    found, seen, _ = run(balancers.momentum_config(*betas), steps)
    adam = optax.scale_by_adam(*betas)
    state = adam.init(jnp.zeros(5))
    for k in range(12):
        expected, state = adam.update(jnp.asarray(steps[k, 0], jnp.float32), state)
        np.testing.assert_allclose(found[k], expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(seen, 1.0, rtol=1e-4)


def test_identical_tasks_are_adam_too():
    rows = np.random.default_rng(2).standard_normal((10, 1, 5))
    one, _, _ = run(balancers.momentum_config(), rows)
    three, seen, _ = run(balancers.momentum_config(), np.tile(rows, (1, 3, 1)))
    np.testing.assert_allclose(three, one, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(seen, 1.0, rtol=1e-3)


def test_the_algorithm_written_out():
    steps = np.random.default_rng(3).standard_normal((10, 3, 7))
    found, _, state = run(balancers.momentum_config(0.8, 0.95), steps)
    m, pseudo, second = np.zeros((3, 7)), np.zeros(7), np.zeros(7)
    for k, g in enumerate(steps, start=1):
        m = 0.8 * m + 0.2 * g
        d = config(m / (1 - 0.8**k))
        new = d * (1 - 0.8**k)
        gradient = (new - 0.8 * pseudo) / (1 - 0.8)
        pseudo, second = new, 0.95 * second + 0.05 * gradient**2
        expected = d / (np.sqrt(second / (1 - 0.95**k)) + 1e-8)
        np.testing.assert_allclose(found[k - 1], expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(state.pseudo["w"], pseudo, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(state.momenta["w"], m, rtol=1e-3, atol=1e-5)


def test_a_common_scale_of_the_losses_cancels():
    """As in Adam: d and sqrt(v) grow alike."""
    steps = np.random.default_rng(4).standard_normal((6, 3, 7))
    plain, _, _ = run(balancers.momentum_config(), steps)
    scaled, _, _ = run(balancers.momentum_config(), 1e3 * steps)
    np.testing.assert_allclose(scaled, plain, rtol=1e-3, atol=1e-4)


def test_the_direction_before_adam_does_not_conflict_with_a_momentum():
    steps = np.random.default_rng(5).standard_normal((20, 3, 7))
    _, seen, _ = run(balancers.momentum_config(0.0), steps)
    for rows, w in zip(steps, seen, strict=True):
        assert (rows @ (w @ rows) > 0).all()
