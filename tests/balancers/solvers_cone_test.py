import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import nnls

from mtlx.balancers import solvers_cone
from mtlx.balancers.solvers_cone import (
    nonnegative_minimize,
    nonnegative_residual,
    project_onto_dual_cone,
)

minimize = jax.jit(nonnegative_minimize)
residual = jax.jit(nonnegative_residual)


def problem(rows, ridge=0.0):
    """G of trace 1 + ridge T, and b = -G e_i for all i: each task's projection."""
    gram = rows @ rows.T
    gram = gram / (np.trace(gram) or 1.0) + ridge * np.eye(len(gram))
    return jnp.asarray(gram, jnp.float32), jnp.asarray(-gram, jnp.float32)


def conditions(gram, linear, found):
    """Primal and dual infeasibility and complementarity, in units of the problem."""
    gram, linear, found = (np.asarray(x, np.float64) for x in (gram, linear, found))
    norms = np.sqrt(np.diag(gram))
    norms = np.where(norms > 0, norms, 1.0)
    size = np.maximum(np.abs(linear / norms).max(1, keepdims=True), 1e-300)
    primal, dual = found * norms / size, (found @ gram - linear) / norms / size
    worst = np.abs(np.minimum(primal, dual)).max()
    return -primal.min(), -dual.min(), worst


def reference(gram, linear):
    """The same by Lawson and Hanson's active sets in float64."""
    gram, linear = np.asarray(gram, np.float64), np.asarray(linear, np.float64)
    root = np.linalg.cholesky(gram)
    return np.stack([nnls(root.T, np.linalg.solve(root, row))[0] for row in linear])


@pytest.mark.parametrize("ridge", [0.0, 1e-4])
@pytest.mark.parametrize("tasks", [1, 2, 3, 8, 32, 64])
def test_the_optimality_conditions_hold(jacobian, kind, tasks, ridge):
    rows = jacobian(kind, tasks)
    rows[::2] *= -1.0  # many conflicts
    gram, linear = problem(rows, ridge)
    found = minimize(gram, linear)
    limit = 2e-6 if ridge else 1e-4  # without a ridge some of these are singular
    primal, dual, complementarity = conditions(gram, linear, found)
    assert primal <= 0.0 and dual < limit and complementarity < limit
    certificate = float(np.max(residual(gram, linear, found)))
    # It is computed in float32; what rounds is larger where the solution is.
    rounding = 2e-6 if ridge else 1e-5
    assert certificate < limit and abs(certificate - complementarity) < rounding


@pytest.mark.parametrize("kind_", ["full", "nearly_dependent", "spread"])
@pytest.mark.parametrize("tasks", [2, 3, 8, 32])
def test_solution_equals_an_active_set_reference(jacobian, kind_, tasks):
    rows = jacobian(kind_, tasks)
    rows[::2] *= -1.0
    gram, linear = problem(rows, 1e-4)
    norms = np.sqrt(np.diag(gram))
    expected = reference(gram, linear)
    scale = (np.abs(expected) * norms).max() + norms.max()
    limit = 1e-3 if kind_ == "nearly_dependent" else 1e-6
    error = np.abs(np.asarray(minimize(gram, linear)) - expected) * norms
    assert error.max() < limit * scale


@pytest.mark.parametrize("tasks", [1, 2, 3, 20])
@pytest.mark.parametrize("spread", [1.0, 1e4, 1e8])
def test_a_diagonal_problem_in_closed_form(tasks, spread):
    """s = max(b, 0) / D, whatever the spread of the norms."""
    rng = np.random.default_rng(tasks)
    diagonal = np.logspace(0, np.log10(spread), tasks) ** 2
    linear = rng.standard_normal((3, tasks)) * np.sqrt(diagonal)
    gram = jnp.diag(jnp.asarray(diagonal, jnp.float32))
    found = minimize(gram, jnp.asarray(linear, jnp.float32))
    expected = np.maximum(linear, 0) / diagonal
    np.testing.assert_allclose(found, expected, rtol=2e-5)


def test_two_tasks_in_closed_form_and_by_the_solver():
    rng = np.random.default_rng(0)
    for _ in range(20):
        rows = rng.standard_normal((2, 3)) * 10 ** rng.uniform(-2, 2, (2, 1))
        gram = np.zeros((3, 3))
        gram[:2, :2], gram[2, 2] = rows @ rows.T, 1.0
        linear = np.append(rng.standard_normal(2) * np.linalg.norm(rows, axis=1), -1.0)
        gram32, linear32 = (jnp.asarray(x, jnp.float32) for x in (gram, linear))
        pair = minimize(gram32[:2, :2], linear32[:2])
        by_solver = minimize(gram32, linear32)
        np.testing.assert_allclose(by_solver[:2], pair, rtol=1e-4, atol=1e-6)
        expected = reference(gram[:2, :2], linear[None, :2])[0]
        np.testing.assert_allclose(pair, expected, rtol=1e-4, atol=1e-6)
        assert float(by_solver[2]) == 0.0


@pytest.mark.parametrize("tasks", [1, 2, 3, 9])
def test_nothing_to_gain_gives_exactly_zero(tasks):
    gram, _ = problem(np.random.default_rng(0).standard_normal((tasks, 12)))
    for linear in (jnp.zeros(tasks), -jnp.ones(tasks)):
        np.testing.assert_array_equal(minimize(gram, linear), jnp.zeros(tasks))
        np.testing.assert_array_equal(residual(gram, linear, jnp.zeros(tasks)), 0.0)


@pytest.mark.parametrize("tasks", [1, 2, 4])
def test_zero_rows_and_a_zero_matrix_give_finite_weights(tasks):
    for rows in (np.zeros((tasks, 5)), np.eye(tasks, 5) * [[0.0]] + np.eye(tasks, 5)):
        rows[0] = 0.0
        gram = jnp.asarray(rows @ rows.T, jnp.float32)
        found = minimize(gram, jnp.ones((2, tasks)))
        assert np.isfinite(found).all()
        np.testing.assert_array_equal(found[:, 0], 0.0)


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_the_solution_is_homogeneous(scale):
    """s(a G, b) = s(G, b) / a and s(G, a b) = a s(G, b), and a row scales its own s."""
    gram, linear = problem(np.random.default_rng(1).standard_normal((5, 7)))
    plain = minimize(gram, linear)
    np.testing.assert_allclose(minimize(scale * gram, linear) * scale, plain, rtol=1e-4)
    np.testing.assert_allclose(minimize(gram, scale * linear) / scale, plain, rtol=1e-4)
    rows = jnp.array([1.0, 1e-3, 1e3, 10.0, 0.1])
    scaled = minimize(gram * jnp.outer(rows, rows), linear * rows[None, :])
    np.testing.assert_allclose(scaled * rows[None, :], plain, rtol=1e-3, atol=1e-5)


def test_the_residual_grows_with_the_error():
    gram, linear = problem(np.random.default_rng(2).standard_normal((6, 8)))
    found = minimize(gram, linear)
    sizes = [float(jnp.max(residual(gram, linear, found + e))) for e in (0, 1e-3, 1e-1)]
    assert sizes[0] < 2e-6 < sizes[1] < sizes[2]
    assert float(jnp.max(residual(gram, linear, found - 0.1))) > 1e-2  # not s >= 0


def test_the_last_solve_sharpens_the_interior_point(monkeypatch):
    """It is worth a digit, and makes the inactive weights exactly 0."""
    rows = np.random.default_rng(0).standard_normal((8, 4))
    gram, linear = problem(rows, 1e-4)
    expected = reference(gram, linear)
    sharp = np.asarray(nonnegative_minimize(gram, linear))
    monkeypatch.setattr(solvers_cone, "_solve_active", lambda *problem: problem[2][0])
    blunt = np.asarray(nonnegative_minimize(gram, linear))
    np.testing.assert_array_equal(sharp == 0, expected == 0)
    assert (blunt > 0).all()
    assert 3 * np.abs(sharp - expected).max() < np.abs(blunt - expected).max()


@pytest.mark.parametrize("tasks", [2, 3, 7])
def test_projection_onto_the_dual_cone_is_the_one_in_parameter_space(tasks):
    """The projection of x is x - P(x), P that onto the polar cone, by nnls."""
    rows = np.random.default_rng(tasks).standard_normal((tasks, 6))
    start = np.random.default_rng(0).uniform(size=(4, tasks))
    gram = jnp.asarray(rows @ rows.T, jnp.float32)
    found = project_onto_dual_cone(gram, jnp.asarray(start, jnp.float32))
    assert (np.asarray(found) >= start.astype(np.float32)).all()
    for u, v in zip(start, np.asarray(found, np.float64), strict=True):
        x = u @ rows
        expected = x + nnls(rows.T, -x)[0] @ rows
        np.testing.assert_allclose(v @ rows, expected, atol=1e-5)
        assert (rows @ (v @ rows) > -1e-5).all()


def test_jit_vmap_scan_and_a_batch_agree():
    rng = np.random.default_rng(2)
    pairs = [problem(rng.standard_normal((5, 7))) for _ in range(4)]
    grams, linears = (jnp.stack(x) for x in zip(*pairs, strict=True))
    one_by_one = jnp.stack(
        [jnp.stack([minimize(g, row) for row in b]) for g, b in pairs]
    )
    at_once = jax.jit(jax.vmap(nonnegative_minimize))(grams, linears)
    np.testing.assert_allclose(at_once, one_by_one, atol=1e-5)
    body = lambda c, pair: (c, nonnegative_minimize(*pair))  # noqa: E731
    scanned = jax.lax.scan(body, 0, (grams, linears))[1]
    np.testing.assert_allclose(scanned, one_by_one, atol=1e-5)
