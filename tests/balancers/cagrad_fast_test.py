import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from mtlx import balancers
from mtlx.types import Signals


@functools.cache
def compiled(name, static):
    return jax.jit(getattr(balancers, name)(**dict(static)).update)


def weights(rows, seed=0, present=None, name="cagrad_fast", **kwargs):
    signals = Signals(
        losses=jnp.ones(len(rows)),
        gram=jnp.asarray(rows @ rows.T, jnp.float32),
        present=None if present is None else jnp.asarray(present),
    )
    update = compiled(name, tuple(kwargs.items()))
    found, _ = update(signals, (), key=jax.random.key(seed))
    return np.asarray(found, np.float64)


def draw(tasks, seed=0):
    return np.random.default_rng((seed, tasks)).standard_normal((tasks, tasks + 2))


def best_worst(shown, mean, c):
    """argmax_d min_j <h_j, d> on the ball of radius c |g_0|, in parameter space."""
    start = np.append(mean, (shown @ mean).min())
    ball = lambda z: (c**2 * mean @ mean) - ((z[:-1] - mean) ** 2).sum()  # noqa: E731
    above = lambda z: shown @ z[:-1] - z[-1]  # noqa: E731
    constraints = [{"type": "ineq", "fun": f} for f in (ball, above)]
    options = {"maxiter": 500, "ftol": 1e-12}
    found = minimize(lambda z: -z[-1], start, constraints=constraints, options=options)
    return found.x[:-1]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("c", [0.3, 0.8])
def test_it_is_the_papers_problem_in_parameter_space(seed, c):
    """The draw shows in the weights: those of the rest are all alike."""
    rows = draw(5, seed)
    found = weights(rows, seed, gradients=3, c=c)
    values, index, count = np.unique(
        found.round(5), return_inverse=True, return_counts=True
    )
    rest = index == count.argmax()
    assert rest.sum() == 3
    shown = np.concatenate([rows[~rest], rows[rest].mean(0)[None]])
    expected = best_worst(shown, rows.mean(0), c)
    np.testing.assert_allclose(found @ rows, expected, atol=2e-3)


@pytest.mark.parametrize("gradients", [4, 9])
def test_with_enough_gradients_it_is_cagrad(gradients):
    rows = draw(4)
    found = weights(rows, gradients=gradients, c=0.6)
    expected = weights(rows, name="cagrad", c=0.6)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    wide = np.concatenate([rows, np.ones((3, 6))])
    found = weights(wide, present=[True] * 4 + [False] * 3, gradients=gradients, c=0.6)
    np.testing.assert_allclose(found, np.append(expected, [0, 0, 0]), atol=1e-4)


def test_one_gradient_is_the_mean_gradient_lengthened():
    """h_1 = g_0: d = g_0 + c |g_0| g_0 / |g_0|."""
    np.testing.assert_allclose(weights(draw(4), gradients=1, c=0.5), 1.5 / 4, rtol=1e-4)


def test_a_ball_of_no_radius_is_the_mean_gradient():
    np.testing.assert_allclose(weights(draw(6), gradients=3, c=0.0), 1 / 6, rtol=1e-5)


def test_the_subset_variant_is_cagrad_on_the_subset():
    rows = draw(6)
    found = weights(rows, gradients=3, c=0.7, variant="subset")
    kept = found > 0
    assert kept.sum() == 3
    expected = weights(rows[kept], name="cagrad", c=0.7)
    np.testing.assert_allclose(found[kept], expected, atol=1e-4)
    assert (weights(rows, gradients=3, c=0.7) > 0).all()  # the paper's has all tasks


def test_c_may_be_traced():
    gram = jnp.asarray(draw(4) @ draw(4).T, jnp.float32)
    signals, key = Signals(jnp.ones(4), gram), jax.random.key(0)
    radii = jnp.array([0.0, 0.5, 2.0])
    update = lambda c: balancers.cagrad_fast(3, c).update(signals, (), key=key)[0]  # noqa: E731
    found = jax.vmap(update)(radii)
    for c, row in zip((0.0, 0.5, 2.0), found, strict=True):
        np.testing.assert_allclose(row, weights(draw(4), gradients=3, c=c), atol=1e-4)


def test_an_unknown_variant_is_refused():
    with pytest.raises(ValueError, match="variant to be one of 'paper', 'subset'"):
        balancers.cagrad_fast(variant="authors")
