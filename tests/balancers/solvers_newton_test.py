import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx.balancers import solvers_newton
from mtlx.balancers.solvers_newton import fair_weights, fairness_residual

solve = jax.jit(fair_weights)


def fair(gram, alpha=1.0, ridge=1e-6, present=None):
    gram = jnp.asarray(gram, jnp.float32)
    present = jnp.ones(len(gram), bool) if present is None else present
    return np.asarray(solve(gram, present, alpha, ridge), np.float64)


def residual(gram, weights, alpha):
    """The worst of a_i (G a)_i^alpha - 1, which is the error relative to a_i."""
    return np.abs(weights * (gram @ weights) ** alpha - 1).max()


def stationary(tasks, seed=0, spread=2.0):
    """Gradients of norms 1..10^spread with one positive combination that is 0."""
    rows = np.random.default_rng((seed, tasks)).standard_normal((tasks, 2 * tasks))
    rows[-1] = -rows[:-1].sum(axis=0)
    scales = np.logspace(0, spread, tasks)
    return rows * scales[:, None], 1 / scales


@pytest.mark.parametrize("tasks", [1, 2, 3, 8, 32, 64])
@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, 10.0])
def test_the_equation_holds(jacobian, tasks, alpha):
    for kind in ("full", "nearly_dependent", "duplicates", "deficient"):
        if kind == "deficient" and tasks == 3:
            continue  # of rank 1, some rows opposed: a Pareto-stationary point
        rows = jacobian(kind, tasks)
        gram = rows @ rows.T
        assert residual(gram, fair(gram, alpha), alpha) < 1e-4 * max(1, alpha), kind


@pytest.mark.parametrize("tasks", [2, 8, 64])
def test_the_equation_holds_for_norms_far_apart(tasks):
    """alpha = 1 does not see the norms; other alphas have them in their equation."""
    rows = np.random.default_rng(tasks).standard_normal((tasks, tasks + 3))
    for alpha, spread in ((1.0, 8), (0.5, 4), (2.0, 4)):
        far = rows * np.logspace(-spread, 0, tasks)[:, None]
        gram = far @ far.T
        found = fair(gram, alpha)
        error = found ** (1 / alpha) * (gram @ found) - 1
        assert np.abs(error).max() < (1e-4 if alpha == 1 else 0.02)


@pytest.mark.parametrize("ratio", [1.0, 1e4])
@pytest.mark.parametrize("cosine", [-0.9999, -0.5, 0.0, 0.9999])
def test_two_tasks_in_closed_form(cosine, ratio):
    """a_i = 1 / (n_i sqrt(1 + cos)) at alpha = 1."""
    norms = np.array([1.0, ratio])
    gram = np.outer(norms, norms) * [[1.0, cosine], [cosine, 1.0]]
    expected = 1 / (norms * np.sqrt(1 + cosine))
    np.testing.assert_allclose(fair(gram), expected, rtol=1e-2)
    if cosine > -0.99:
        np.testing.assert_allclose(fair(gram), expected, rtol=1e-5)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 3.0])
def test_orthogonal_tasks_in_closed_form(alpha):
    """G_ii a_i = a_i^(-1 / alpha)."""
    squares = np.logspace(-6, 6, 7)
    expected = squares ** (-alpha / (1 + alpha))
    np.testing.assert_allclose(fair(np.diag(squares), alpha), expected, rtol=1e-4)


@pytest.mark.parametrize("tasks", [2, 3, 5, 16, 64])
def test_no_ridge_turns_the_answer_where_gradients_cancel(tasks):
    """There |a| is as large as the ridge lets it be; where it points is known: at the
    combination that is 0. It stays there over two powers of ten of the ridge."""
    rows, expected = stationary(tasks)
    norms, gram = np.linalg.norm(rows, axis=1), rows @ rows.T
    expected = expected * norms / np.linalg.norm(expected * norms)
    for ridge in (1e-5, 1e-6, 1e-7):
        scaled = fair(gram, ridge=ridge) * norms
        found = scaled / np.linalg.norm(scaled)
        np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("gap", [1e-2, 1e-3, 1e-4])
def test_close_to_a_stationary_point_the_small_gradient_keeps_its_say(gap):
    """a_1 n_1 = a_2 n_2 for two tasks, which a ridge on the raw G breaks."""
    norms = np.array([1e-3, 1.0])
    cosines = np.array([[1.0, gap - 1], [gap - 1, 1.0]])
    gram = np.outer(norms, norms) * cosines
    for ridge in (1e-5, 1e-6, 1e-8):
        found = fair(gram, ridge=ridge) * norms
        np.testing.assert_allclose(found[0], found[1], rtol=1e-3)
    raw = fair(gram + 1e-6 * np.trace(gram) * np.eye(2), ridge=0.0) * norms
    assert raw[0] < 0.8 * raw[1]


@pytest.mark.parametrize("tasks", [2, 3, 8])
def test_duplicates_share_what_one_gradient_gets(tasks):
    gram = np.full((tasks, tasks), 4.0)
    np.testing.assert_allclose(fair(gram), 1 / (2 * np.sqrt(tasks)), rtol=1e-5)


def test_zero_gradients_and_absent_tasks_are_left_out():
    rows = np.random.default_rng(0).standard_normal((4, 7))
    rows[1] = 0.0
    present = jnp.array([True, True, True, False])
    found = fair(rows @ rows.T, present=present)
    kept = rows[[0, 2]]
    np.testing.assert_allclose(found[[0, 2]], fair(kept @ kept.T), rtol=1e-5)
    np.testing.assert_array_equal(found[[1, 3]], 0.0)
    np.testing.assert_array_equal(fair(np.zeros((3, 3))), 0.0)


@pytest.mark.parametrize("scale", [1e-16, 1e-8, 1e8, 1e16])
def test_the_size_of_the_gradients_is_a_power(scale):
    """a(t G) = t^(-alpha / (1 + alpha)) a(G)."""
    rows = np.random.default_rng(0).standard_normal((3, 7))
    gram = rows @ rows.T
    for alpha in (0.5, 1.0, 10.0):
        expected = fair(gram, alpha) * scale ** (-alpha / (1 + alpha))
        np.testing.assert_allclose(fair(scale * gram, alpha), expected, rtol=1e-4)


def test_fifteen_iterations_do_for_alpha_1(monkeypatch):
    monkeypatch.setattr(solvers_newton, "ITERATIONS", 15)
    rows = np.random.default_rng(3).standard_normal((40, 45))
    gram = rows @ rows.T
    found = fair_weights(jnp.asarray(gram, jnp.float32), jnp.ones(40, bool))
    assert residual(gram, np.asarray(found, np.float64), 1.0) < 1e-4


def test_the_certificate_tells_a_solution_from_others():
    rows = np.random.default_rng(0).standard_normal((5, 9))
    gram = jnp.asarray(rows @ rows.T, jnp.float32)
    present = jnp.array([True, True, True, True, False])
    for alpha in (0.5, 1.0, 4.0):
        found = fair_weights(gram, present, alpha)
        assert fairness_residual(gram, found, alpha) < 1e-5
        wrong = fairness_residual(gram, found.at[0].multiply(1.1), alpha)
        assert 0.02 < wrong < 2.0
    one = fairness_residual(jnp.array([[4.0]]), jnp.array([1.0]))
    np.testing.assert_allclose(one, 3.0)


def test_jit_vmap_and_scan_agree():
    rows = np.random.default_rng(2).standard_normal((4, 6, 9)).astype(np.float32)
    grams, present = jnp.asarray(rows @ rows.transpose(0, 2, 1)), jnp.ones(6, bool)
    alone = jnp.stack([solve(gram, present) for gram in grams])
    at_once = jax.jit(jax.vmap(lambda gram: fair_weights(gram, present)))(grams)
    np.testing.assert_allclose(at_once, alone, rtol=1e-4)
    scanned = jax.lax.scan(lambda c, g: (c, fair_weights(g, present)), 0, grams)[1]
    np.testing.assert_allclose(scanned, alone, rtol=1e-4)
