import jax
import jax.numpy as jnp
import numpy as np
import optax

from mtlx import balancers
from mtlx.types import Signals

LOSSES = jnp.array([0.3, 1.0, 5.0])


def scan(balancer, losses, steps):
    def body(state, _):
        return balancer.update(Signals(losses), state)[::-1]

    start = balancer.init(losses.size)
    return jax.jit(lambda: jax.lax.scan(body, start, length=steps))()


def test_at_rest_all_scaled_losses_are_one():
    _, weights = scan(balancers.imtl_l(0.05), LOSSES, 800)
    np.testing.assert_allclose(weights[-1] * LOSSES, 1.0, rtol=2e-3)


def test_at_rest_it_is_scale_invariant_weighting():
    """log x = min_s exp(s) x - s - 1, at s = -log x."""
    state, _ = scan(balancers.imtl_l(0.05), LOSSES, 800)
    s = state.log_scales
    least = jnp.exp(s) * LOSSES - s - 1.0
    np.testing.assert_allclose(least, jnp.log(LOSSES), atol=1e-4)


def test_first_step_by_hand():
    """Adam's first step is -lr sign(gradient), and exp(0) L - 1 = 4, -1/2."""
    balancer = balancers.imtl_l(0.1)
    weights, state = balancer.update(Signals(jnp.array([5.0, 0.5])), balancer.init(2))
    np.testing.assert_array_equal(weights, [1.0, 1.0])  # those before the update
    np.testing.assert_allclose(state.log_scales, [-0.1, 0.1], rtol=1e-5)


def test_steps_are_adam_on_the_gradient_of_the_objective():
    objective = jax.grad(lambda s: jnp.sum(jnp.exp(s) * LOSSES - s))
    adam, s = optax.adam(0.05), jnp.array([-0.5, 0.0, 0.5])
    optimizer = adam.init(s)
    _, weights = scan(balancers.imtl_l(0.05, (-0.5, 0.0, 0.5)), LOSSES, 10)
    for step in range(10):
        np.testing.assert_allclose(weights[step], jnp.exp(s), rtol=1e-5)
        updates, optimizer = adam.update(objective(s), optimizer)
        s = optax.apply_updates(s, updates)


def test_it_is_uncertainty_weighting_turned_round():
    """With s -> -s and k = 1/2 the objectives agree up to a factor, Adam cancels it."""
    _, found = scan(balancers.imtl_l(0.05, 0.3), LOSSES, 20)
    _, other = scan(balancers.uncertainty(0.05, -0.3, 0.5), LOSSES, 20)
    np.testing.assert_allclose(found, 2.0 * other, rtol=1e-4)


def test_a_loss_of_zero_does_not_overflow():
    _, weights = scan(balancers.imtl_l(1.0), jnp.array([0.0, 1.0]), 200)
    np.testing.assert_allclose(weights[-1], [1e8, 1.0], rtol=0.01)
