import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from mtlx import balancers
from mtlx.types import Signals

DRAWS = 4000


def draws(distribution, tasks=3):
    """[DRAWS, T]."""
    balancer, signals = balancers.rlw(distribution), Signals(jnp.ones(tasks))
    keys = jax.random.split(jax.random.key(0), DRAWS)
    found = jax.jit(jax.vmap(lambda key: balancer.update(signals, (), key=key)[0]))
    return np.asarray(found(keys))


@pytest.mark.parametrize("distribution", ["normal", "dirichlet"])
def test_draws_lie_on_the_simplex_and_are_equal_on_average(distribution):
    found = draws(distribution)
    assert found.min() >= 0
    np.testing.assert_allclose(found.sum(1), 1.0, rtol=1e-5)
    error = 4 * found.std(0) / np.sqrt(DRAWS)
    assert (np.abs(found.mean(0) - 1 / 3) < error).all()


def test_dirichlet_has_its_marginals():
    """A component of Dirichlet(1) of T is Beta(1, T - 1)."""
    for task in draws("dirichlet", 4).T:
        assert stats.kstest(task, stats.beta(1, 3).cdf).pvalue > 1e-3


def test_normal_is_the_softmax_of_normals():
    """log w_1 - log w_2 = z_1 - z_2 ~ N(0, 2)."""
    logs = np.log(draws("normal", 2))
    difference = logs[:, 0] - logs[:, 1]
    assert stats.kstest(difference, stats.norm(scale=np.sqrt(2)).cdf).pvalue > 1e-3


def test_the_losses_do_not_matter_and_the_key_does():
    balancer = balancers.rlw()
    one, other = jax.random.split(jax.random.key(0))
    first, _ = balancer.update(Signals(jnp.ones(3)), (), key=one)
    again, _ = balancer.update(Signals(jnp.arange(3.0)), (), key=one)
    new, _ = balancer.update(Signals(jnp.ones(3)), (), key=other)
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, new)
