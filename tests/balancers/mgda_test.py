import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import nnls

from mtlx import balancers
from mtlx.types import Signals


@jax.jit
def solved(gram, present):
    signals = Signals(losses=jnp.ones(len(gram)), gram=gram, present=present)
    return balancers.mgda().update(signals, ())[0]


def weights(gram, present=None):
    gram = jnp.asarray(gram, jnp.float32)
    present = jnp.ones(len(gram), bool) if present is None else present
    return np.asarray(solved(gram, present), np.float64)


def reference(gram):
    """min |J^T w| by an active-set method: w is s / sum(s), s = argmin_{s >= 0} s^T G s
    / 2 - 1^T s, a non-negative least-squares problem in a square root of G."""
    root = np.linalg.cholesky(gram)
    solution, _ = nnls(root.T, np.linalg.solve(root, np.ones(len(gram))))
    return solution / solution.sum()


@pytest.mark.parametrize("tasks", [3, 8, 32])
def test_the_optimality_conditions_hold(jacobian, kind, tasks):
    """(G w)_i >= w^T G w, each row relative to the norms that enter it."""
    rows = jacobian(kind, tasks)
    gram, norms = rows @ rows.T, np.linalg.norm(rows, axis=1)
    found = weights(gram)
    assert found.min() >= 0 and found.sum() == pytest.approx(1.0, abs=1e-5)
    slack = gram @ found - found @ gram @ found
    rounding = 1e-5 * norms * (found @ norms) + 1e-12 * norms.max() ** 2
    assert (slack >= -rounding).all()


@pytest.mark.parametrize("kind_", ["full", "nearly_dependent", "spread"])
@pytest.mark.parametrize("tasks", [3, 8, 32])
def test_norm_equals_an_active_set_reference(jacobian, kind_, tasks):
    for seed in range(3):
        rows = jacobian(kind_, tasks, seed)
        gram = rows @ rows.T
        best = reference(gram)
        found = weights(gram)
        assert found @ gram @ found <= (1 + 1e-5) * (best @ gram @ best)
        if kind_ == "full":
            np.testing.assert_allclose(found, best, atol=1e-4)


@pytest.mark.parametrize("ratio", [1.0, 1e2, 1e4])
@pytest.mark.parametrize("seed", range(4))
def test_two_tasks_in_closed_form_and_by_the_solver(seed, ratio):
    rows = np.random.default_rng(seed).standard_normal((2, 5)) * [[1.0], [ratio]]
    gram = np.zeros((3, 3))
    gram[:2, :2] = rows @ rows.T
    (g11, g12), (_, g22) = gram[:2, :2]
    first = np.clip((g22 - g12) / (g11 + g22 - 2 * g12), 0, 1)
    np.testing.assert_allclose(weights(gram[:2, :2]), [first, 1 - first], atol=1e-5)
    by_solver = weights(gram, jnp.array([True, True, False]))
    np.testing.assert_allclose(by_solver, [first, 1 - first, 0], atol=1e-5)


@pytest.mark.parametrize("tasks", [2, 3, 8])
def test_equal_or_zero_gradients_share_alike(tasks):
    for gram in (np.zeros((tasks, tasks)), np.full((tasks, tasks), 3.0)):
        np.testing.assert_allclose(weights(gram), 1 / tasks, rtol=1e-4)
    rows = np.random.default_rng(1).standard_normal((3, 9)) + 1.0
    double = np.concatenate([rows, rows[:1]])
    found, single = weights(double @ double.T), weights(rows @ rows.T)
    np.testing.assert_allclose(found[0], found[3], rtol=1e-4)
    np.testing.assert_allclose(found[0] + found[3], single[0], atol=1e-5)


def test_zero_gradients_take_all_weight_and_share_it():
    rows = np.random.default_rng(0).standard_normal((4, 8))
    rows[[1, 3]] = 0.0
    expected = [0, 0.5, 0, 0.5]
    np.testing.assert_allclose(weights(rows @ rows.T), expected, atol=1e-4)


def test_orthogonal_gradients_get_inverse_squares():
    squares = np.array([1.0, 4.0, 25.0, 1e4])
    expected = (1 / squares) / (1 / squares).sum()
    np.testing.assert_allclose(weights(np.diag(squares)), expected, rtol=1e-4)


@pytest.mark.parametrize("normaliser", ["none", "l2", "loss", "loss+"])
@pytest.mark.parametrize("tasks", [2, 3])
def test_a_normaliser_divides_the_gradients(normaliser, tasks):
    rng = np.random.default_rng(4)
    rows = rng.standard_normal((tasks, 6)) * rng.uniform(0.5, 5, (tasks, 1))
    losses, norms = rng.uniform(0.5, 3, tasks), np.linalg.norm(rows, axis=1)
    scales = {"none": 1.0, "l2": norms, "loss": losses, "loss+": losses * norms}
    scaled = rows / np.broadcast_to(scales[normaliser], tasks)[:, None]
    signals = Signals(
        losses=jnp.asarray(losses, jnp.float32),
        gram=jnp.asarray(rows @ rows.T, jnp.float32),
    )
    found = balancers.mgda(normaliser).update(signals, ())[0]
    direction = reference(scaled @ scaled.T) @ scaled
    np.testing.assert_allclose(np.asarray(found) @ rows, direction, atol=1e-4)


def test_descent_ends_at_a_pareto_stationary_point():
    """Two quadratics |x - a|^2 / 2, |x - b|^2 / 2: stationary is the segment a b."""
    a, b = jnp.array([1.0, 0.0]), jnp.array([-1.0, 2.0])

    def step(x, _):
        rows = jnp.stack([x - a, x - b])
        return x - 0.05 * rows.T @ solved(rows @ rows.T, jnp.ones(2, bool)), None

    x, _ = jax.lax.scan(step, jnp.array([3.0, 3.0]), length=400)
    (ux, uy), (vx, vy) = b - a, x - a
    assert abs(float(ux * vy - uy * vx)) < 1e-3
    assert 0 <= float((x - a) @ (b - a)) <= float((b - a) @ (b - a))
