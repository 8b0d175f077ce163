import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from mtlx import balancers
from mtlx.types import Signals


@functools.partial(jax.jit, static_argnames="rescale")
def solved(gram, present, c, rescale=0):
    signals = Signals(losses=jnp.ones(len(gram)), gram=gram, present=present)
    return balancers.cagrad(c, rescale).update(signals, ())[0]


def weights(gram, c, present=None, rescale=0):
    gram = jnp.asarray(gram, jnp.float32)
    present = jnp.ones(len(gram), bool) if present is None else present
    return np.asarray(solved(gram, present, c, rescale), np.float64)


def gap(rows, found, c):
    """How far d is from the optimum, by weak duality, relative to |g_0| |g_i|.

    max_{|d - g_0| <= r} min_i <g_i, d> <= min_v <g_v, g_0> + r |g_v|, with equality at
    the optimum: the simplex point v is read off the weights.
    """
    mean = rows.mean(0)
    radius = c * np.linalg.norm(mean)
    simplex = found - 1 / len(rows)
    simplex = np.maximum(simplex, 0) / np.maximum(simplex, 0).sum()
    dual = simplex @ rows @ mean + radius * np.linalg.norm(simplex @ rows)
    direction = found @ rows
    assert np.linalg.norm(direction - mean) <= radius * (1 + 1e-3)
    shortfall = (dual - rows @ direction) / np.linalg.norm(rows, axis=1)
    return shortfall.max() / np.linalg.norm(mean)


@pytest.mark.parametrize("tasks", [2, 3, 8, 32])
@pytest.mark.parametrize("kind_", ["full", "nearly_dependent", "duplicates", "spread"])
def test_the_duality_gap_closes(jacobian, kind_, tasks):
    for c in (0.1, 0.5, 1.0, 4.0):
        for seed in range(2):
            rows = jacobian(kind_, tasks, seed)
            assert abs(gap(rows, weights(rows @ rows.T, c), c)) < 1e-5, (c, seed)


@pytest.mark.parametrize("tasks", [3, 8])
@pytest.mark.parametrize("c", [0.2, 0.5, 1.5])
def test_equals_a_float64_reference(jacobian, tasks, c):
    rows = jacobian("full", tasks)
    gram, mean = rows @ rows.T, rows.mean(0)
    radius = c * np.linalg.norm(mean)

    def objective(v):
        return v @ rows @ mean + radius * np.sqrt(v @ gram @ v)

    simplex = minimize(
        objective,
        np.full(tasks, 1 / tasks),
        jac=lambda v: rows @ mean + radius * gram @ v / np.sqrt(v @ gram @ v),
        bounds=[(0, 1)] * tasks,
        constraints={"type": "eq", "fun": lambda v: v.sum() - 1},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    ).x
    pull = radius * simplex / np.sqrt(simplex @ gram @ simplex)
    found = weights(gram, c)
    np.testing.assert_allclose(found, 1 / tasks + pull, rtol=1e-3, atol=2e-4)


@pytest.mark.parametrize("tasks", [2, 3, 8])
def test_c_zero_is_the_mean(jacobian, kind, tasks):
    rows = jacobian(kind, tasks)
    np.testing.assert_allclose(weights(rows @ rows.T, 0.0), 1 / tasks, rtol=1e-6)


@pytest.mark.parametrize("c", [1.0, 2.0])
@pytest.mark.parametrize("tasks", [2, 3, 8])
def test_c_of_one_or_more_does_not_conflict(jacobian, tasks, c):
    for seed in range(5):
        rows = jacobian("full", tasks, seed)
        direction = weights(rows @ rows.T, c) @ rows
        scale = np.linalg.norm(rows, axis=1) * np.linalg.norm(direction)
        assert (rows @ direction >= -1e-4 * scale).all()


def test_a_large_c_is_the_direction_of_mgda(jacobian):
    rows = jacobian("full", 3)
    signals = Signals(jnp.ones(3), jnp.asarray(rows @ rows.T, jnp.float32))
    expected = np.asarray(balancers.mgda().update(signals, ())[0]) @ rows
    direction = weights(rows @ rows.T, 1e4) @ rows
    cosine = direction @ expected / np.linalg.norm(direction)
    assert cosine / np.linalg.norm(expected) > 1 - 1e-5


@pytest.mark.parametrize("ratio", [1.0, 30.0, 1e3])
@pytest.mark.parametrize("c", [0.0, 0.1, 0.5, 1.0, 3.0])
def test_two_tasks_in_closed_form_and_by_the_solver(c, ratio):
    for seed in range(4):
        rows = np.random.default_rng(seed).standard_normal((2, 5)) * [[1.0], [ratio]]
        gram = np.zeros((3, 3))
        gram[:2, :2] = rows @ rows.T
        closed = weights(gram[:2, :2], c)
        solver = weights(gram, c, jnp.array([True, True, False]))
        assert solver[2] == 0.0
        np.testing.assert_allclose(solver[:2], closed, rtol=2e-3)


def test_two_tasks_on_a_grid():
    rows = np.array([[2.0, 1.0, 0.0], [-1.0, 1.0, 0.5]])
    mean, c = rows.mean(0), 0.4
    radius = c * np.linalg.norm(mean)
    first = np.linspace(0, 1, 200_001)
    simplex = np.stack([first, 1 - first], axis=1)
    norms = np.linalg.norm(simplex @ rows, axis=1)
    best = (simplex @ (rows @ mean) + radius * norms).argmin()
    expected = 0.5 + radius / norms[best] * simplex[best]
    np.testing.assert_allclose(weights(rows @ rows.T, c), expected, atol=1e-4)


@pytest.mark.parametrize("tasks", [1, 2, 3])
def test_equal_gradients_are_lengthened_by_one_plus_c(tasks):
    gram = np.full((tasks, tasks), 2.0)
    np.testing.assert_allclose(weights(gram, 0.5), 1.5 / tasks, rtol=1e-4)


@pytest.mark.parametrize(("rescale", "factor"), [(0, 1.0), (1, 10.0), (2, 4.0)])
def test_rescale_divides_the_weights(rescale, factor):
    gram = np.array([[18.0, -22.0], [-22.0, 38.0]])
    found = weights(gram, 3.0, rescale=rescale)
    np.testing.assert_allclose(found * factor, weights(gram, 3.0), rtol=1e-5)


@pytest.mark.parametrize("c", [0.5, 1.0, 2.0])
def test_stationary_points_give_the_mean(c):
    np.testing.assert_allclose(weights(np.zeros((3, 3)), c), 1 / 3, rtol=1e-6)
    if c > 1:  # a smaller ball does not reach it: see the test below
        opposed = np.array([[1.0, -2.0], [-2.0, 4.0]])
        np.testing.assert_allclose(weights(opposed, c), 0.5)
    balanced = 1.5 * np.eye(3) - 0.5  # g_0 = 0: three gradients 120 degrees apart
    found = weights(balanced, c)
    np.testing.assert_allclose(balanced @ found, 0.0, atol=2e-3)


def test_opposed_gradients_by_hand():
    """g = (1, -2), g_0 = -1/2, d in [-3/4, -1/4]: best for the worst task is -1/4."""
    opposed = np.array([[1.0, -2.0], [-2.0, 4.0]])
    found = weights(opposed, 0.5)
    np.testing.assert_allclose(found, [0.75, 0.5], atol=1e-5)
    assert found @ [1.0, -2.0] == pytest.approx(-0.25, abs=1e-5)


def test_a_zero_gradient_does_not_take_the_weight_of_the_others(jacobian):
    rows = jacobian("zero_row", 3)
    found = weights(rows @ rows.T, 1.0)
    assert found[0] == pytest.approx(1 / 3)
    scale = np.linalg.norm(rows, axis=1) * np.linalg.norm(found @ rows)
    assert (rows @ (found @ rows) >= -1e-3 * scale).all()
