"""Hard-concrete connections: noise in training, none after it, and their price."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx.models.routing import Routing

KEY = jax.random.key(0)
U = jax.random.normal(jax.random.key(1), (5, 3, 4))


def _open(log_alpha, inputs=3, outputs=2):
    return {"params": {"log_alpha": jnp.full((outputs, inputs), log_alpha)}}


def test_noise_is_drawn_and_not_learnt():
    routing = Routing(num_outputs=2)
    variables = routing.init(KEY, U)
    assert set(variables["params"]) == {"log_alpha", "kernel"}
    one, same, other = (
        routing.apply(variables, U, train=True, rngs={"dropout": jax.random.key(k)})
        for k in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 1e-2


@pytest.mark.parametrize("log_alpha", [-1.0, 0.0, 1.5])
def test_the_penalty_is_the_expected_number_of_open_connections(log_alpha):
    """By the shares of 250,000 drawn gates that are above 0, and exactly 1."""
    size = 500
    routing = Routing(num_outputs=size, transform=False, sparsity=0.01)
    unit = jnp.eye(size)[None]
    z, state = routing.apply(
        _open(log_alpha, size, size),
        unit,
        train=True,
        rngs={"dropout": KEY},
        mutable=["penalties"],
    )
    expected = state["penalties"]["connections"] / 0.01
    np.testing.assert_allclose(np.mean(z > 0), expected / size**2, atol=5e-3)
    # z = 1 where the logistic draw is above beta logit((1 - gamma) / (zeta - gamma)).
    whole = 1 / (1 + np.exp(0.5 * np.log(1.1 / 0.1) - log_alpha))
    np.testing.assert_allclose(np.mean(z == 1), whole, atol=5e-3)
    assert np.all((z >= 0) & (z <= 1))


@pytest.mark.parametrize(("log_alpha", "z"), [(-9.0, 0.0), (0.0, 0.5), (9.0, 1.0)])
def test_at_test_time_the_gate_is_the_median(log_alpha, z):
    routing = Routing(num_outputs=2, transform=False)
    found = routing.apply(_open(log_alpha), U)
    expected = z * np.sum(U, axis=1, keepdims=True)
    np.testing.assert_allclose(found, np.repeat(expected, 2, axis=1), atol=1e-6)


def test_a_shut_connection_sends_nothing_back():
    routing = Routing(num_outputs=1)
    params = routing.init(KEY, U)["params"]
    params = params | {"log_alpha": jnp.array([[-9.0, 0.0, 9.0]])}
    slopes = jax.grad(lambda u: routing.apply({"params": params}, u).sum())(U)
    np.testing.assert_array_equal(np.abs(slopes).sum(axis=(0, 2)) > 0, [0, 1, 1])


def test_matrices_start_apart_and_at_the_scale_of_their_sum():
    routing = Routing(num_outputs=3)
    kernel = routing.init(KEY, jnp.ones((1, 4, 32)))["params"]["kernel"]
    assert kernel.shape == (3, 4, 32, 32)
    np.testing.assert_allclose(np.std(kernel, axis=(2, 3)), (4 * 32) ** -0.5, rtol=0.1)
    flat = kernel.reshape(12, -1)
    assert np.abs(np.corrcoef(flat) - np.eye(12)).max() < 0.15


@pytest.mark.parametrize("field", [{"gamma": 0.0}, {"zeta": 1.0}, {"beta": 0.0}])
def test_a_gate_that_is_never_shut_is_refused(field):
    with pytest.raises(ValueError, match="gamma < 0, zeta > 1 and beta > 0"):
        Routing(num_outputs=1, **field)
