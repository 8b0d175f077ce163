import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import trim_mean

from mtlx import balancers
from mtlx.types import Signals


def direct(rows, trim=1, present=None):
    rows = jnp.asarray(rows, jnp.float32)
    signals = Signals(jnp.ones(len(rows)), grads={"w": rows}, present=present)
    found, _ = balancers.trimmed_mean(trim).update(signals, ())
    return np.asarray(found.gradient["w"]), np.asarray(found.weights)


@pytest.mark.parametrize(("tasks", "trim"), [(3, 1), (5, 0), (5, 1), (5, 2), (8, 3)])
def test_scipy_agrees(tasks, trim):
    rows = np.random.default_rng(tasks).standard_normal((tasks, 40))
    found, _ = direct(rows, trim)
    expected = trim_mean(rows, trim / tasks + 1e-9, axis=0)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_the_mean_and_the_median_are_its_ends():
    for tasks in (1, 2, 3, 6, 7):
        rows = np.random.default_rng(tasks).standard_normal((tasks, 40))
        found, weights = direct(rows, 0)
        np.testing.assert_allclose(found, rows.mean(0), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(weights, 1 / tasks, rtol=1e-5)
        np.testing.assert_allclose(
            direct(rows, 99)[0], np.median(rows, 0), rtol=1e-4, atol=1e-6
        )


def test_too_few_present_tasks_trim_less():
    rows = np.random.default_rng(0).standard_normal((4, 40))
    two = jnp.array([True, False, True, False])
    found, weights = direct(rows, 1, two)
    np.testing.assert_allclose(found, rows[::2].mean(0), rtol=1e-5)
    np.testing.assert_allclose(weights, [0.5, 0, 0.5, 0], rtol=1e-5)


def test_a_hostile_row_is_bounded_by_the_others():
    rows = np.random.default_rng(1).standard_normal((5, 40))
    for hostile in (1e10, -1e10):
        rows[2] = hostile
        found, _ = direct(rows)
        others = np.delete(rows, 2, axis=0)
        assert (found <= others.max(0) + 1e-6).all()
        assert (found >= others.min(0) - 1e-6).all()


def test_weights_are_the_share_of_each_gradient_that_is_kept():
    """Sorted by hand: the first coordinate keeps row 1, the second row 2."""
    rows = np.array([[0.0, 9.0], [1.0, 2.0], [3.0, 4.0]])
    found, weights = direct(rows)
    np.testing.assert_array_equal(found, [1.0, 4.0])
    expected = [0.0, 1.0 / (1 + 4), 16.0 / (9 + 16)]
    np.testing.assert_allclose(weights, expected, rtol=1e-6)


def test_ties_keep_as_many_values_as_ever():
    rows = np.ones((4, 3))
    np.testing.assert_allclose(direct(rows)[0], 1.0)
    rows[0] = 5.0
    np.testing.assert_allclose(direct(rows)[0], 1.0)
