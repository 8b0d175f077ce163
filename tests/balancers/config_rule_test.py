import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from mtlx import balancers
from mtlx.types import Signals

MEANS = {
    "minimum": np.min,
    "maximum": np.max,
    "arithmetic": np.mean,
    "geometric": stats.gmean,
    "harmonic": stats.hmean,
}


def weights(rows, **kwargs):
    signals = Signals(jnp.ones(len(rows)), jnp.asarray(rows @ rows.T, jnp.float32))
    return np.asarray(balancers.config(**kwargs).update(signals, ())[0], np.float64)


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def direction(rows):
    """The paper's way, on the gradients: u = U^+ 1 / |U^+ 1|, d = sum_i <g_i, u> u."""
    u = unit(np.linalg.pinv(unit(rows)) @ np.ones(len(rows)))
    return (rows @ u).sum() * u


@pytest.mark.parametrize("tasks", [1, 2, 5, 12])
def test_the_direction_is_the_paper_s(tasks):
    for rank in {min(tasks, 1 + tasks // 2), tasks}:
        rng = np.random.default_rng((tasks, rank))
        rows = rng.standard_normal((tasks, rank)) @ rng.standard_normal((rank, 20))
        expected = direction(rows)
        found = weights(rows) @ rows
        np.testing.assert_allclose(found, expected, atol=5e-3 * np.abs(expected).max())


@pytest.mark.parametrize("tasks", [2, 6, 20])
def test_all_cosines_are_equal_and_positive(tasks):
    """1 / sqrt(1^T C^-1 1), for norms that differ by 1e4 too."""
    rows = np.random.default_rng(tasks).standard_normal((tasks, 2 * tasks))
    far = rows * np.logspace(-2, 2, tasks)[:, None]
    inverse = np.linalg.inv(unit(rows) @ unit(rows).T)
    cosines = unit(far) @ unit(weights(far) @ far)
    np.testing.assert_allclose(cosines, 1 / np.sqrt(inverse.sum()), rtol=1e-3)


@pytest.mark.parametrize("cosine", [-0.99, 0.0, 0.7])
def test_two_tasks_in_closed_form(cosine):
    """u bisects the angle: w_i = (n_1 + n_2) / (2 n_i), whatever the angle is."""
    norms = np.array([1.0, 50.0])
    rows = norms[:, None] * [[1.0, 0.0], [cosine, np.sqrt(1 - cosine**2)]]
    np.testing.assert_allclose(weights(rows), norms.sum() / 2 / norms, rtol=1e-4)


@pytest.mark.parametrize("length", MEANS)
def test_other_lengths_are_a_mean_of_the_norms_in_place_of_each(length):
    rows = np.random.default_rng(0).standard_normal((4, 9)) * [[1], [2], [5], [0.1]]
    u = unit(direction(rows))
    norm = MEANS[length](np.linalg.norm(rows, axis=1))
    expected = (unit(rows) @ u).sum() * norm * u
    np.testing.assert_allclose(weights(rows, length=length) @ rows, expected, rtol=1e-3)


@pytest.mark.parametrize("length", ["projection_sum", *MEANS])
def test_zero_gradients_have_no_part(length):
    rows = np.random.default_rng(0).standard_normal((4, 7))
    rows[2] = 0.0
    found, rest = weights(rows, length=length), np.delete(rows, 2, axis=0)
    assert found[2] == 0.0
    expected = weights(rest, length=length)
    np.testing.assert_allclose(np.delete(found, 2), expected, rtol=1e-4)
    np.testing.assert_array_equal(weights(np.zeros((3, 3)), length=length), 0.0)


def test_loss_scales_do_not_turn_the_direction():
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((4, 9))
    scaled = rows * rng.uniform(0.01, 100, (4, 1))
    one, other = (unit(weights(j) @ j) for j in (rows, scaled))
    np.testing.assert_allclose(one, other, atol=1e-3)


def test_the_weights_are_linear_in_the_norms_under_scaling():
    """d(J) is linear in each row's scale, its direction being free of it."""
    rows = np.random.default_rng(2).standard_normal((3, 7))
    a, b = np.array([[1.0], [2.0], [0.5]]), np.array([[3.0], [0.1], [1.0]])
    parts = weights(a * rows) @ (a * rows) + weights(b * rows) @ (b * rows)
    whole = (a + b) * rows
    np.testing.assert_allclose(weights(whole) @ whole, parts, rtol=1e-3, atol=1e-4)


def test_opposed_gradients_cancel():
    np.testing.assert_array_equal(weights(np.array([[1.0, 2.0], [-2.0, -4.0]])), 0.0)


def test_dependent_gradients_may_conflict():
    """Counter-example: three in a plane, around 0, have no common cosine."""
    angles = np.array([0.0, 1.5, 3.5])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert (rows @ (weights(rows) @ rows)).min() < -1e-2
