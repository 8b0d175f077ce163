import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.types import Signals


def run(balancer, steps, losses, present=None):
    """Directions and weights for gradients [S, T, n] and losses [S, T]."""
    steps = jnp.asarray(steps, jnp.float32)
    losses = jnp.asarray(losses, jnp.float32)
    state, found = balancer.init(steps.shape[1], {"w": steps[0, 0]}), []
    for k, rows in enumerate(steps):
        there = None if present is None else jnp.asarray(present[k])
        known = Signals(losses[k], grads={"w": rows}, present=there)
        result, state = balancer.update(known, state)
        found.append((result.gradient["w"], result.weights))
    return (*map(np.stack, zip(*found, strict=True)), state)


@pytest.mark.parametrize("sigma", [0.0, 0.5])
def test_the_recurrence_written_out(sigma):
    rng = np.random.default_rng(0)
    steps, losses = rng.standard_normal((8, 3, 6)), rng.uniform(0.2, 3, (8, 3))
    directions, weights, _ = run(balancers.db_mtl_ema(0.7, sigma), steps, losses)
    u = np.zeros((3, 6))
    for k, g in enumerate(steps):
        past = 0.7 / (k + 1) ** sigma
        u = past * u + (1 - past) * g / losses[k][:, None]
        norms = np.linalg.norm(u, axis=1)
        a = norms.max() / norms
        np.testing.assert_allclose(directions[k], a @ u, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(weights[k], a / losses[k], rtol=1e-4)


def test_without_tracking_it_is_a_function_of_norms_and_losses():
    """w_i = (max_j n_j / L_j) / (n_i / L_i) / L_i, and the direction is J^T w."""
    rng = np.random.default_rng(1)
    steps, losses = rng.standard_normal((3, 4, 6)), rng.uniform(0.2, 3, (3, 4))
    directions, weights, _ = run(balancers.db_mtl_ema(beta=0.0), steps, losses)
    norms = np.linalg.norm(steps, axis=2)
    relative = norms / losses
    expected = relative.max(1, keepdims=True) / norms
    np.testing.assert_allclose(weights, expected, rtol=1e-4)
    by_weights = np.einsum("st,stn->sn", expected, steps)
    np.testing.assert_allclose(directions, by_weights, rtol=1e-4, atol=1e-5)


def test_golden_norms_of_the_two_row_example():
    """On [[-4, 1, 1], [6, 1, 1]] at L = 1: w = (sqrt(38 / 18), 1)."""
    rows = np.array([[-4.0, 1.0, 1.0], [6.0, 1.0, 1.0]])
    found, weights, _ = run(balancers.db_mtl_ema(0.0), [rows], np.ones((1, 2)))
    expected = np.array([np.sqrt(38 / 18), 1.0])
    np.testing.assert_allclose(weights[0], expected, rtol=1e-5)
    np.testing.assert_allclose(found[0], [0.1881, 2.4530, 2.4530], atol=1e-4)


def test_a_factor_on_a_loss_changes_nothing():
    rng = np.random.default_rng(2)
    steps, losses = rng.standard_normal((6, 3, 5)), rng.uniform(0.5, 3, (6, 3))
    factors = np.array([1.0, 100.0, 0.1])
    plain, _, _ = run(balancers.db_mtl_ema(), steps, losses)
    scaled, _, _ = run(
        balancers.db_mtl_ema(), steps * factors[:, None], losses * factors
    )
    np.testing.assert_allclose(scaled, plain, rtol=1e-4, atol=1e-4)


def test_every_task_adds_the_same_length():
    """Of orthogonal gradients the direction has equal parts along each."""
    rows = np.diag([1.0, 50.0, 1e-3])
    found, _, _ = run(balancers.db_mtl_ema(), [rows] * 3, np.ones((3, 3)))
    np.testing.assert_allclose(found / found[:, :1], 1.0, rtol=1e-4)
    first = 1 - 0.9
    np.testing.assert_allclose(found[0], 50.0 * first, rtol=1e-4)


def test_a_task_without_a_gradient_adds_nothing():
    rows = np.array([[3.0, 4.0], [0.0, 0.0]])
    found, weights, _ = run(balancers.db_mtl_ema(0.0), [rows], [[2.0, 0.0]])
    np.testing.assert_allclose(found[0], rows[0] / 2.0, rtol=1e-5)
    np.testing.assert_allclose(weights[0], [0.5, 0.0], rtol=1e-5)


def test_an_absent_task_keeps_its_counter_and_its_gradient():
    steps, losses = np.ones((3, 2, 4)), np.ones((3, 2))
    present = [[True, True], [True, False], [True, False]]
    found, _, state = run(balancers.db_mtl_ema(0.9, 1.0), steps, losses, present)
    np.testing.assert_array_equal(state.seen, [3, 1])
    kept = [1 - 0.9 * 0.45 * 0.3, 1 - 0.9]
    np.testing.assert_allclose(state.tracked["w"][:, 0], kept, rtol=1e-5)
    np.testing.assert_allclose(found[1], 1 - 0.9 * 0.45, rtol=1e-5)
