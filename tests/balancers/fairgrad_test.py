import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.types import Signals


def weights(rows, alpha, name="fairgrad", **kwargs):
    gram = jnp.asarray(rows @ rows.T, jnp.float32)
    balancer = getattr(balancers, name)(**({"alpha": alpha} if alpha else {}), **kwargs)
    found, _ = balancer.update(Signals(jnp.ones(len(gram)), gram), ())
    return np.asarray(found, np.float64)


def draw(tasks, seed=0):
    return np.random.default_rng((seed, tasks)).standard_normal((tasks, tasks + 3))


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, 10.0])
@pytest.mark.parametrize("tasks", [1, 2, 4, 20])
def test_every_gain_is_the_power_of_its_weight(tasks, alpha):
    rows = draw(tasks)
    found = weights(rows, alpha)
    gains = rows @ (found @ rows)
    np.testing.assert_allclose(gains, found ** (-1 / alpha), rtol=1e-4)


@pytest.mark.parametrize("tasks", [2, 5])
def test_alpha_1_is_nash_mtl_unclipped(tasks):
    rows = draw(tasks)
    nash = weights(rows, None, "nash_mtl", max_norm=None, normalise="none")
    np.testing.assert_allclose(weights(rows, 1.0), nash, rtol=1e-5)


def test_a_small_alpha_is_the_plain_sum():
    rows = draw(4)
    found = weights(rows, 0.02)
    np.testing.assert_allclose(found, 1.0, atol=0.1)
    assert np.abs(found - 1).max() < np.abs(weights(rows, 0.1) - 1).max()


@pytest.mark.parametrize("seed", range(4))
def test_a_larger_alpha_evens_out_the_gains(seed):
    """Relative to |d| the least gain rises with alpha, towards MGDA's, the largest."""
    rows = draw(4, seed)

    def least_gain(found):
        direction = found @ rows
        return (rows @ direction).min() / np.linalg.norm(direction)

    trend = [least_gain(weights(rows, alpha)) for alpha in (0.5, 1.0, 2.0, 5.0, 20.0)]
    best = least_gain(weights(rows, None, "mgda"))
    assert (np.diff(trend) > 0).all() and trend[-1] <= best + 1e-5
    assert trend[-1] > 0.9 * best


@pytest.mark.parametrize("alpha", [0.5, 2.0])
def test_no_other_direction_of_that_length_has_a_larger_utility(alpha):
    """sum_i u_i^(1 - alpha) / (1 - alpha), u_i = <g_i, d>: what alpha-fairness is."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((4, 7))
    best = weights(rows, alpha) @ rows

    def utility(direction):
        gains = rows @ direction
        if gains.min() <= 0:
            return -np.inf
        return (gains ** (1 - alpha) / (1 - alpha)).sum()

    for other in best + 0.3 * rng.standard_normal((200, 7)):
        other *= np.linalg.norm(best) / np.linalg.norm(other)
        assert utility(other) < utility(best)


def test_only_alpha_1_ignores_the_scale_of_a_loss():
    """Counter-example for alpha = 2: the direction follows the scales."""
    rows = draw(3)
    scaled = rows * [[1.0], [10.0], [0.1]]
    for alpha, same in ((1.0, True), (2.0, False)):
        one, other = (weights(j, alpha) @ j for j in (rows, scaled))
        one, other = one / np.linalg.norm(one), other / np.linalg.norm(other)
        assert np.allclose(one, other, atol=1e-3) == same
