import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from mtlx import balancers
from mtlx.types import Signals


@jax.jit
def solved(gram, bounds, present):
    signals = Signals(losses=jnp.ones(len(gram)), gram=gram, present=present)
    return balancers.pe_ltr(bounds).update(signals, ())[0]


def weights(gram, bounds, present=None):
    present = jnp.ones(len(gram), bool) if present is None else jnp.asarray(present)
    gram, bounds = (jnp.asarray(x, jnp.float32) for x in (gram, bounds))
    return np.asarray(solved(gram, bounds, present), np.float64)


def draw(tasks, seed=0):
    """A Gram matrix, and bounds of sum 0.6."""
    rng = np.random.default_rng((seed, tasks))
    rows = rng.standard_normal((tasks, tasks + 2))
    bounds = rng.uniform(size=tasks)
    return rows @ rows.T, 0.6 * bounds / bounds.sum()


@pytest.mark.parametrize("tasks", [2, 3, 6])
@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_bounded_problem_by_sequential_programming(tasks, seed):
    gram, bounds = draw(tasks, seed)
    best = minimize(
        lambda w: w @ gram @ w,
        bounds + 0.4 / tasks,
        jac=lambda w: 2 * gram @ w,
        bounds=[(c, 1.0) for c in bounds],
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 500},
    )
    np.testing.assert_allclose(weights(gram, bounds), best.x, atol=1e-4)


@pytest.mark.parametrize("tasks", [2, 3, 8, 32])
def test_the_optimality_conditions_hold(jacobian, kind, tasks):
    """The gradient 2 G w is least, and equal, wherever w is above its bound."""
    rows = jacobian(kind, tasks)
    gram = rows @ rows.T / np.trace(rows @ rows.T)
    bounds = np.linspace(0.0, 1.0 / tasks, tasks)
    found = weights(gram, bounds)
    assert found.sum() == pytest.approx(1.0, abs=1e-5)
    assert (found >= bounds - 1e-6).all()
    gradient = gram @ found
    assert (found - bounds) @ (gradient - gradient.min()) < 1e-5 * np.abs(gram).max()


@pytest.mark.parametrize("seed", range(6))
def test_two_tasks_in_closed_form(seed):
    gram, (low, high) = draw(2, seed)
    (g11, g12), (_, g22) = gram
    first = np.clip((g22 - g12) / (g11 + g22 - 2 * g12), low, 1 - high)
    np.testing.assert_allclose(
        weights(gram, (low, high)), [first, 1 - first], atol=1e-5
    )


@pytest.mark.parametrize("tasks", [2, 3, 8])
def test_without_bounds_it_is_mgda(tasks):
    gram, _ = draw(tasks)
    signals = Signals(jnp.ones(tasks), jnp.asarray(gram, jnp.float32))
    expected, _ = balancers.mgda().update(signals, ())
    np.testing.assert_allclose(weights(gram, np.zeros(tasks)), expected, atol=1e-4)


@pytest.mark.parametrize("total", [1.0, 4.0])
def test_bounds_that_fill_the_simplex_are_the_weights(total):
    gram, bounds = draw(4)
    found = weights(gram, total / 0.6 * bounds)
    np.testing.assert_allclose(found, bounds / 0.6, atol=1e-5)


def test_only_the_bounds_of_the_tasks_present_count():
    gram, bounds = draw(5)
    kept = np.array([0, 2, 3])
    expected = weights(gram[np.ix_(kept, kept)], bounds[kept])
    found = weights(gram, bounds, np.isin(np.arange(5), kept))
    np.testing.assert_allclose(found[kept], expected, atol=1e-4)
    np.testing.assert_array_equal(found[[1, 4]], 0.0)


def relaxed(gram, bounds):
    """The published two stages, in closed form and by projection onto w >= c."""
    tasks = len(gram)
    system = np.block([[gram, np.ones((tasks, 1))], [np.ones((1, tasks)), 0.0]])
    free = np.linalg.solve(system, np.append(np.zeros(tasks), 1.0))[:tasks]
    excess = np.sort(free - bounds)[::-1]
    levels = (np.cumsum(excess) - (1 - bounds.sum())) / np.arange(1, tasks + 1)
    level = levels[np.nonzero(excess > levels)[0][-1]]
    return bounds + np.maximum(free - bounds - level, 0.0)


def test_the_published_relaxation_is_never_shorter_and_at_times_longer():
    gaps = []
    for seed in range(20):
        gram, bounds = draw(4, seed)
        found, approximate = weights(gram, bounds), relaxed(gram, bounds)
        assert approximate.sum() == pytest.approx(1.0)
        best = found @ gram @ found
        gaps.append(approximate @ gram @ approximate / best - 1.0)
    assert min(gaps) > -1e-5 and max(gaps) > 1e-2
    gram, bounds = draw(2)
    np.testing.assert_allclose(weights(gram, bounds), relaxed(gram, bounds), atol=1e-5)


def test_a_task_with_a_bound_may_be_left_in_conflict():
    """MGDA's direction does not conflict; half the weight on g_1 does, with g_2."""
    gram = np.array([[4.0, -2.0], [-2.0, 1.0]]) + 0.1 * np.eye(2)
    assert (gram @ weights(gram, np.zeros(2)) > 0).all()
    assert (gram @ weights(gram, (0.5, 0.0)))[1] < 0


def test_bounds_of_other_tasks_are_refused():
    with pytest.raises(ValueError, match="lower_bounds to be one number .* of 3"):
        balancers.pe_ltr((0.1, 0.2)).update(Signals(jnp.ones(3), jnp.eye(3)), ())
