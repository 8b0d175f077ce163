import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq

from mtlx.balancers.simplex import masked_cross_gram, onto_simplex, step_on_simplex
from mtlx.types import Signals

ALL = jnp.ones(4, bool)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_projection_is_the_shift_that_sums_to_one(scale):
    for seed in range(5):
        values = scale * np.random.default_rng(seed).standard_normal(4)
        far = 2 + 9 * scale
        shift = brentq(lambda t, v=values: np.maximum(v - t, 0).sum() - 1, -far, far)
        found = onto_simplex(jnp.asarray(values, jnp.float32), ALL)
        np.testing.assert_allclose(found, np.maximum(values - shift, 0), atol=1e-4)


def test_softmax():
    values = jnp.array([0.1, -2.0, 3.0, 0.0])
    found = onto_simplex(values, ALL, "softmax")
    np.testing.assert_allclose(found, jax.nn.softmax(values), rtol=1e-5)


@pytest.mark.parametrize("kind", ["simplex", "softmax"])
@pytest.mark.parametrize("size", [1e-20, 1.0, 1e20, 1e35])
def test_results_are_on_the_simplex_at_any_size(kind, size):
    for values in ([1.0, 1.0, 1.0, 1.0], [1.0, -1.0, 1.0, 0.0], [-3.0, 0.0, 0.5, 2.0]):
        found = np.asarray(onto_simplex(size * jnp.array(values), ALL, kind))
        assert found.min() >= 0 and found.sum() == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("kind", ["simplex", "softmax"])
def test_absent_tasks_are_left_out(kind):
    present = jnp.array([True, False, True, False])
    values = jnp.array([0.2, jnp.nan, -0.3, jnp.nan])
    found = onto_simplex(values, present, kind)
    two = onto_simplex(values[::2], present[::2], kind)
    np.testing.assert_allclose(found, [two[0], 0, two[1], 0], rtol=1e-6)
    np.testing.assert_array_equal(onto_simplex(values, ~ALL, kind), jnp.zeros(4))


def test_a_step_shares_what_the_absent_leave():
    weights = jnp.array([0.1, 0.4, 0.2, 0.3])
    present = jnp.array([True, True, False, False])
    given = []

    def step(shares):
        given.append(shares)
        return jnp.array([0.75, 0.25, jnp.nan, jnp.nan])

    moved, kept = step_on_simplex(weights, present, step)
    np.testing.assert_allclose(given[0], [0.2, 0.8, 0, 0], rtol=1e-6)
    np.testing.assert_allclose(moved, [0.75, 0.25, 0, 0])
    np.testing.assert_allclose(kept, [0.375, 0.125, 0.2, 0.3], rtol=1e-6)


def test_where_nothing_is_left_the_present_start_alike():
    weights, present = jnp.array([0.0, 0.0, 1.0]), jnp.array([True, True, False])
    moved, kept = step_on_simplex(weights, present, lambda shares: shares)
    np.testing.assert_allclose(moved, [0.5, 0.5, 0.0])
    np.testing.assert_array_equal(kept, weights)


def test_the_cross_gram_loses_its_absent_rows():
    cross = jnp.arange(9.0).reshape(3, 3)
    present = jnp.array([True, False, True])
    found = masked_cross_gram("x", Signals(jnp.ones(3), None, None, cross, present))
    np.testing.assert_array_equal(found, [[0, 0, 2], [0, 0, 0], [6, 0, 8]])
