import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mtlx import balancers
from mtlx.types import Signals

LOSSES = jnp.array([0.3, 1.0, 5.0])


def scan(balancer, losses, steps):
    def body(state, _):
        return balancer.update(Signals(losses), state)[::-1]

    start = balancer.init(losses.size)
    return jax.jit(lambda: jax.lax.scan(body, start, length=steps))()


@pytest.mark.parametrize("coefficient", [0.5, 1.0, (0.5, 1.0, 2.0)])
def test_at_rest_exp_s_is_twice_the_scaled_loss(coefficient):
    balancer = balancers.uncertainty(0.05, coefficient=coefficient)
    state, weights = scan(balancer, LOSSES, 800)
    rest = jnp.log(2.0 * jnp.asarray(coefficient) * LOSSES)
    np.testing.assert_allclose(state.log_variances, rest, atol=2e-3)
    np.testing.assert_allclose(weights[-1], 1.0 / (2.0 * LOSSES), rtol=2e-3)


def test_first_step_by_hand():
    """Adam's first step is -lr sign(gradient), and 1/2 - exp(-s) L / 2 = -2, 1/4."""
    balancer = balancers.uncertainty(learning_rate=0.1)
    signals = Signals(jnp.array([5.0, 0.5]))
    weights, state = balancer.update(signals, balancer.init(2))
    np.testing.assert_allclose(weights, [0.5, 0.5])  # those before the update
    np.testing.assert_allclose(state.log_variances, [0.1, -0.1], rtol=1e-5)
    weights, _ = balancer.update(signals, state)
    np.testing.assert_allclose(weights, 0.5 * np.exp([-0.1, 0.1]), rtol=1e-5)


def test_steps_are_adam_on_the_gradient_of_the_objective():
    k, losses = jnp.array([0.5, 1.0, 0.5]), LOSSES
    objective = jax.grad(lambda s: jnp.sum(k * jnp.exp(-s) * losses + s / 2))
    adam, s = optax.adam(0.05), jnp.array([-0.5, 0.0, 0.5])
    optimizer = adam.init(s)
    balancer = balancers.uncertainty(0.05, (-0.5, 0.0, 0.5), (0.5, 1.0, 0.5))
    _, weights = scan(balancer, losses, 10)
    for step in range(10):
        np.testing.assert_allclose(weights[step], k * jnp.exp(-s), rtol=1e-5)
        updates, optimizer = adam.update(objective(s), optimizer)
        s = optax.apply_updates(s, updates)


def test_an_absent_task_comes_back_as_if_the_steps_without_it_had_not_been():
    balancer = balancers.uncertainty(0.05)
    both = jnp.array([True, True])
    first = jnp.array([True, False])
    state = balancer.init(2)
    for present in (both, first, first, both):
        signals = Signals(jnp.array([2.0, 3.0]), present=present)
        _, state = balancer.update(signals, state)
    _, expected = scan_pair(balancer, steps=2)
    np.testing.assert_allclose(state.log_variances[1], expected, rtol=1e-6)


def scan_pair(balancer, steps):
    state = balancer.init(2)
    for _ in range(steps):
        _, state = balancer.update(Signals(jnp.array([2.0, 3.0])), state)
    return state.log_variances[0], state.log_variances[1]
