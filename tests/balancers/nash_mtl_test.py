import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.types import Signals

PAPER = {"max_norm": None, "normalise": "none"}


def weights(gram, **kwargs):
    signals = Signals(jnp.ones(len(gram)), jnp.asarray(gram, jnp.float32))
    found, _ = balancers.nash_mtl(**kwargs).update(signals, ())
    return np.asarray(found, np.float64)


@pytest.mark.parametrize("tasks", [1, 2, 5, 20])
def test_the_bargaining_equation_and_the_length(tasks):
    """(G a)_i = 1 / a_i, so a^T G a = T."""
    rows = np.random.default_rng(tasks).standard_normal((tasks, tasks + 3))
    gram = rows @ rows.T
    found = weights(gram, **PAPER)
    np.testing.assert_allclose(found * (gram @ found), 1.0, rtol=1e-4)
    np.testing.assert_allclose(found @ gram @ found, tasks, rtol=1e-4)


def test_no_other_direction_of_that_length_has_a_larger_product_of_gains():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((4, 6))
    best = weights(rows @ rows.T, **PAPER) @ rows
    gain = np.log(rows @ best).sum()
    for other in best + 0.3 * rng.standard_normal((200, 6)):
        other *= np.linalg.norm(best) / np.linalg.norm(other)
        gains = rows @ other
        assert gains.min() <= 0 or np.log(gains).sum() < gain


@pytest.mark.parametrize("tasks", [2, 3, 10])
def test_loss_scales_do_not_turn_the_direction(tasks):
    rng = np.random.default_rng(tasks)
    rows = rng.standard_normal((tasks, tasks + 2))
    scaled = rows * rng.uniform(1e-3, 1e3, (tasks, 1))
    one, other = (weights(j @ j.T, **PAPER) @ j for j in (rows, scaled))
    np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


def test_normalisation_is_a_factor_and_clipping_another():
    rows = np.random.default_rng(0).standard_normal((3, 5))
    gram = rows @ rows.T
    exact = weights(gram, **PAPER)
    by_norm = exact * np.sqrt(np.linalg.norm(gram))
    np.testing.assert_allclose(weights(gram, max_norm=None), by_norm, rtol=1e-5)
    length = np.linalg.norm(by_norm @ rows)
    np.testing.assert_allclose(length**2, 3 * np.linalg.norm(gram), rtol=1e-5)
    clipped = by_norm * 1.0 / length
    np.testing.assert_allclose(weights(gram), clipped, rtol=1e-5)
    loose = weights(gram, max_norm=2 * length)
    np.testing.assert_allclose(loose, by_norm, rtol=1e-5)
    short = weights(gram, max_norm=0.5, normalise="none")
    np.testing.assert_allclose(short, exact * 0.5 / np.sqrt(3), rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-8, 1e-3, 1.0, 1e9])
def test_the_step_is_never_longer_than_the_clip(jacobian, kind, scale):
    rows = jacobian(kind, 5) * scale
    assert np.linalg.norm(weights(rows @ rows.T) @ rows) < 1.0 + 1e-3


@pytest.mark.parametrize("seed", range(3))
def test_at_a_pareto_stationary_point_the_step_vanishes(seed):
    rows = np.random.default_rng(seed).standard_normal((3, 6))
    rows[2] = -rows[0] - rows[1]
    rows *= np.array([[1.0], [10.0], [0.1]])
    assert np.linalg.norm(weights(rows @ rows.T) @ rows) < 0.05


def descend(normalise, start):
    """Two quadratics in the plane, one of them 1e4 times as large."""
    centres = jnp.array([[1.0, 0.0], [-1.0, 1.0]])
    curvatures = jnp.array([[1e4, 2e4], [1.0, 1.0]])

    def step(x, _):
        rows = curvatures * (x[None, :] - centres)
        signals = Signals(jnp.ones(2), rows @ rows.T)
        found, _ = balancers.nash_mtl(normalise=normalise).update(signals, ())
        return x - 0.002 * found @ rows, None

    x, _ = jax.jit(lambda x: jax.lax.scan(step, x, length=3000))(jnp.array(start))
    return np.asarray(x)


@pytest.mark.parametrize("start", [(2.0, 2.0), (-2.0, -1.0)])
def test_the_end_of_descent_does_not_follow_the_larger_loss(start):
    """The end is between the centres, not at the first one, whose loss is 1e4 larger;
    both scalings of G lead there, as they differ in length alone."""
    ends = [descend(normalise, start) for normalise in ("frobenius", "none")]
    np.testing.assert_allclose(ends[0], ends[1], atol=0.02)
    assert np.linalg.norm(ends[0] - [1.0, 0.0]) > 0.5
    assert np.linalg.norm(ends[0] - [-1.0, 1.0]) > 0.3


def test_a_zero_gradient_gets_no_weight():
    rows = np.random.default_rng(0).standard_normal((3, 5))
    rows[1] = 0.0
    found, rest = weights(rows @ rows.T), np.delete(rows, 1, axis=0)
    assert found[1] == 0.0
    np.testing.assert_allclose(found[[0, 2]], weights(rest @ rest.T), rtol=1e-5)
    np.testing.assert_array_equal(weights(np.zeros((3, 3))), 0.0)
