import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx.balancers import solvers
from mtlx.balancers.solvers import simplex_minimize


def quadratic(matrix, linear):
    """w^T A w / 2 + b^T w, as the solver wants it."""
    ridged = matrix + 1e-6 * jnp.diag(jnp.diagonal(matrix))
    return lambda weights, dual, smoothing: (matrix @ weights + linear, ridged)


def minimum(matrix, linear, present=None):
    matrix = jnp.asarray(matrix, jnp.float32)
    linear = jnp.asarray(linear, jnp.float32)
    present = jnp.ones(len(linear), bool) if present is None else present
    return simplex_minimize(quadratic(matrix, linear), present)


@pytest.mark.parametrize("tasks", [1, 2, 3, 5, 8, 16, 32, 64])
def test_the_optimality_conditions_hold(tasks):
    """At the minimum the gradient is least, and equal, wherever w > 0."""
    rng = np.random.default_rng(tasks)
    rows = rng.standard_normal((tasks, tasks + 3)) / np.sqrt(tasks)
    matrix, linear = rows @ rows.T, 0.2 * rng.standard_normal(tasks)
    found = np.asarray(minimum(matrix, linear), np.float64)
    gradient = matrix @ found + linear
    assert found.min() >= 0 and abs(found.sum() - 1) < 1e-5
    assert found @ (gradient - gradient.min()) < 1e-5
    assert np.ptp(gradient[found > 1e-3]) < 1e-4


@pytest.mark.parametrize("tasks", [2, 5, 40])
def test_a_separable_quadratic_in_closed_form(tasks):
    diagonal = np.logspace(-3, 0, tasks)
    expected = (1 / diagonal) / (1 / diagonal).sum()
    found = minimum(np.diag(diagonal), np.zeros(tasks))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_convergence_is_mehrotras(monkeypatch):
    """Eight iterations leave 7e-7; without the corrector they would leave 1e-4."""
    monkeypatch.setattr(solvers, "ITERATIONS", 8)
    for seed in range(4):
        rows = np.random.default_rng(seed).standard_normal((8, 11)) / np.sqrt(8)
        matrix = rows @ rows.T
        found = np.asarray(minimum(matrix, np.zeros(8)), np.float64)
        gradient = matrix @ found
        assert found @ (gradient - gradient.min()) < 5e-6


def test_a_linear_function_is_least_at_a_vertex():
    found = minimum(np.zeros((4, 4)), [0.3, -0.2, 0.5, 0.1])
    np.testing.assert_allclose(found, [0, 1, 0, 0], atol=1e-6)


def test_ties_are_shared():
    found = minimum(np.zeros((4, 4)), [0.3, -0.2, -0.2, 0.1])
    np.testing.assert_allclose(found, [0, 0.5, 0.5, 0], atol=1e-6)
    np.testing.assert_allclose(minimum(np.zeros((6, 6)), np.zeros(6)), 1 / 6, rtol=1e-6)


def test_absent_tasks_are_not_looked_at():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((5, 8))
    matrix, linear = rows @ rows.T / 8, 0.1 * rng.standard_normal(5)
    kept = np.array([0, 2, 3])
    expected = minimum(matrix[np.ix_(kept, kept)], linear[kept])
    linear[[1, 4]] = -100.0  # the best of all, were they there
    found = minimum(matrix, linear, jnp.array([True, False, True, True, False]))
    np.testing.assert_allclose(found[kept], expected, atol=1e-5)
    np.testing.assert_array_equal(found[jnp.array([1, 4])], 0.0)


def test_the_dual_variables_go_along():
    """Here the dual is a copy of w that `advance` keeps, and the gradient uses it."""
    matrix = jnp.diag(jnp.array([1.0, 2.0, 4.0]))

    def expand(weights, dual, smoothing):
        del weights, smoothing
        return matrix @ dual, matrix

    def advance(weights, step, dual, smoothing, length):
        del weights, smoothing
        return dual + length * step

    start, present = jnp.full(3, 1 / 3), jnp.ones(3, bool)
    found = simplex_minimize(expand, present, advance=advance, dual=start)
    np.testing.assert_allclose(found, np.array([4, 2, 1]) / 7, rtol=1e-4)
    left = simplex_minimize(expand, present, advance=lambda w, s, d, *_: d, dual=start)
    assert not np.allclose(left, found, atol=1e-2)


def test_jit_vmap_and_scan_agree():
    rng = np.random.default_rng(2)
    rows = rng.standard_normal((4, 6, 9)).astype(np.float32) / 3
    matrices = jnp.asarray(rows @ rows.transpose(0, 2, 1))
    linear = jnp.zeros(6)
    alone = jnp.stack([minimum(matrix, linear) for matrix in matrices])
    at_once = jax.jit(jax.vmap(lambda matrix: minimum(matrix, linear)))(matrices)
    np.testing.assert_allclose(at_once, alone, atol=1e-5)
    scanned = jax.lax.scan(lambda c, m: (c, minimum(m, linear)), 0, matrices)[1]
    np.testing.assert_allclose(scanned, alone, atol=1e-5)
