import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import nnls

from mtlx import balancers
from mtlx.types import Signals


@functools.cache
def compiled(name, static):
    return jax.jit(getattr(balancers, name)(**dict(static)).update)


def weights(rows, name="upgrad", **kwargs):
    rows = np.asarray(rows)
    gram = jnp.asarray(rows @ rows.T, jnp.float32)
    signals = Signals(losses=jnp.ones(len(rows)), gram=gram)
    update = compiled(name, tuple(kwargs.items()))
    return np.asarray(update(signals, ())[0], np.float64)


def project(rows, x):
    """x less its projection onto the polar of the dual cone, in parameter space."""
    return x + nnls(rows.T, -x, maxiter=10**4)[0] @ rows


def conflict(rows, found):
    """The largest -cos(g_i, d), over the tasks with a gradient."""
    direction = found @ rows
    norms = np.linalg.norm(rows, axis=1) * np.linalg.norm(direction)
    return np.max(-(rows @ direction)[norms > 0] / norms[norms > 0])


def draws(tasks, count=10):
    rng = np.random.default_rng(tasks)
    return [rng.standard_normal((tasks, tasks + 2)) for _ in range(count)]


@pytest.mark.parametrize("tasks", [2, 3, 6])
@pytest.mark.parametrize("preference", [None, "linear"])
def test_it_is_the_algorithm_in_parameter_space(tasks, preference):
    """sum_i p_i project(g_i)."""
    share = np.full(tasks, 1 / tasks) if preference is None else np.arange(tasks) / 3
    given = None if preference is None else tuple(share)
    for rows in draws(tasks):
        expected = sum(p * project(rows, g) for p, g in zip(share, rows, strict=True))
        found = weights(rows, reg_eps=0.0, preference=given)
        np.testing.assert_allclose(found @ rows, expected, atol=2e-5)


@pytest.mark.parametrize("seed", range(5))
def test_for_two_tasks_it_is_the_mean_of_pcgrad(seed):
    rows = np.random.default_rng(seed).standard_normal((2, 4))
    found = weights(rows, reg_eps=0.0)
    key, gram = jax.random.key(0), jnp.asarray(rows @ rows.T, jnp.float32)
    other = balancers.pcgrad().update(Signals(jnp.ones(2), gram), (), key=key)[0]
    np.testing.assert_allclose(found, other / 2, rtol=1e-5)


@pytest.mark.parametrize("ridge", ["identity", "diagonal"])
@pytest.mark.parametrize("tasks", [2, 3, 8, 20])
def test_no_task_conflicts(tasks, ridge):
    """Up to the ridge: that of the authors' code is worth some 4e-4."""
    for rows in draws(tasks):
        found = weights(rows, ridge=ridge)
        assert (found >= 1 / tasks - 1e-7).all()
        assert conflict(rows, found) < 4e-4
        assert conflict(rows, weights(rows, reg_eps=0.0)) < 1e-5


@pytest.mark.parametrize("name", ["upgrad", "dualproj"])
def test_dependent_gradients_do_not_conflict(jacobian, kind, name):
    rows = jacobian(kind, 8)
    rows[::3] *= -1.0
    assert conflict(rows, weights(rows, name, ridge="diagonal")) < 1e-2


@pytest.mark.parametrize("name", ["upgrad", "dualproj"])
def test_without_conflict_the_weights_are_the_preference(name):
    rows = np.abs(np.random.default_rng(0).standard_normal((4, 6)))
    np.testing.assert_allclose(weights(rows, name), 0.25, rtol=1e-6)
    share = (0.1, 0.0, 0.7, 2.0)
    np.testing.assert_allclose(weights(rows, name, preference=share), share, rtol=1e-6)


@pytest.mark.parametrize("ridge", ["identity", "diagonal"])
def test_it_is_linear_under_scaling(ridge):
    """A(diag(a c1 + b c2) J) = a A(diag(c1) J) + b A(diag(c2) J), c > 0.

    The diagonal ridge keeps it exactly: the cone depends on angles alone.
    """
    rng = np.random.default_rng(0)
    for rows in draws(4, 5):
        one, other = rng.uniform(0.2, 2.0, (2, 4, 1))

        def direction(scale, rows=rows):
            scaled = scale * rows
            return weights(scaled, norm_eps=0.0, ridge=ridge) @ scaled

        both = direction(2.0 * one + 0.5 * other)
        parts = 2.0 * direction(one) + 0.5 * direction(other)
        error = np.abs(both - parts).max() / np.abs(both).max()
        assert error < (5e-3 if ridge == "identity" else 2e-5)


def test_dualproj_is_not_linear_under_scaling():
    rows = np.array([[1.0, 0.0], [-0.8, 0.6]])
    scales = np.array([[1.0, 4.0], [1.0, 0.1]])[:, :, None]
    both = weights(scales.sum(0) * rows, "dualproj") @ (scales.sum(0) * rows)
    parts = sum(weights(s * rows, "dualproj") @ (s * rows) for s in scales)
    assert np.abs(both - parts).max() > 0.1


def test_a_short_gradient_is_drowned_by_the_ridge_of_the_authors_code():
    """|g_1|^2 is 1e-6 of the trace: v_1 costs 1e-4 v_1^2 and stays small."""
    rows = np.array([[1e-3, 0.0], [-0.8, 0.6]])
    assert conflict(rows, weights(rows)) > 0.5
    assert conflict(rows, weights(rows, ridge="diagonal")) < 1e-3
    assert conflict(rows, weights(rows, reg_eps=0.0)) < 1e-5


@pytest.mark.parametrize("name", ["upgrad", "dualproj"])
@pytest.mark.parametrize("scale", [1e-8, 1e-3, 1e3, 1e8])
def test_below_the_floor_the_weights_are_the_preference(name, scale):
    rows = np.array([[-4.0, 1.0, 1.0], [6.0, 1.0, 1.0]])
    expected = weights(rows, name)
    np.testing.assert_allclose(
        weights(scale * rows, name, norm_eps=0.0), expected, rtol=1e-5
    )
    floored = np.full(2, 0.5) if scale < 1 else expected
    np.testing.assert_allclose(weights(scale * rows, name), floored, rtol=1e-5)


@pytest.mark.parametrize("tasks", [2, 3, 6])
def test_dualproj_projects_the_mean(tasks):
    for rows in draws(tasks):
        found = weights(rows, "dualproj", reg_eps=0.0)
        np.testing.assert_allclose(found @ rows, project(rows, rows.mean(0)), atol=2e-5)
        assert conflict(rows, found) < 1e-5


def test_dualproj_has_one_loser_where_upgrad_hears_both():
    """The long gradient decides the mean; the short one only bars its opposite."""
    rows = np.array([[10.0, 0.0], [-0.8, 0.6]])
    long, short = weights(rows, "dualproj", reg_eps=0.0)
    assert (long, short) == (0.5, pytest.approx(4.0, rel=1e-5))
    assert rows[1] @ (np.array([long, short]) @ rows) == pytest.approx(0, abs=1e-5)
    assert rows[1] @ (weights(rows, reg_eps=0.0) @ rows) > 0.1


@pytest.mark.parametrize("name", ["upgrad", "dualproj"])
def test_a_preference_of_other_tasks_is_refused(name):
    with pytest.raises(ValueError, match="preference to be one number .* of 3"):
        weights(np.eye(3), name, preference=(0.5, 0.5))
