"""Adam with an L2 penalty against its formula."""

import jax.numpy as jnp
import numpy as np
import pytest

from mtlx.train.optimizers import adam_l2


def test_two_steps_are_adams_on_the_penalised_loss():
    rate, l2, b1, b2, eps = 0.1, 0.5, 0.9, 0.99, 1e-8
    optimizer = adam_l2(rate, l2, b1, b2, eps)
    theta = np.array([1.0, -2.0], np.float32)
    gradient = np.array([0.3, 0.0], np.float32)
    params = {"w": jnp.array(theta)}
    state = optimizer.init(params)
    m = v = 0.0
    for t in (1, 2):
        updates, state = optimizer.update({"w": jnp.array(gradient)}, state, params)
        params = {"w": params["w"] + updates["w"]}
        g = gradient + l2 * theta
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        theta = theta - rate * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps)
        np.testing.assert_allclose(params["w"], theta, rtol=1e-5)


@pytest.mark.parametrize("l2", [1e-6, 1e-2])
def test_a_parameter_without_a_gradient_moves_by_the_rate(l2):
    """However small the penalty: what sets it apart from AdamW."""
    optimizer = adam_l2(0.01, l2, eps=1e-16)
    params = {"w": jnp.array([0.5, -0.5])}
    updates, _ = optimizer.update({"w": jnp.zeros(2)}, optimizer.init(params), params)
    np.testing.assert_allclose(updates["w"], [-0.01, 0.01], rtol=1e-3)
