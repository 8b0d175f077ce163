import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.types import Signals

B = (0.05, 0.0, -1.0)
BEFORE = np.random.default_rng(0).uniform(0.2, 2.0, (3, 3))
AFTER = BEFORE * np.random.default_rng(1).uniform(0.7, 1.0, (3, 3))


def softmax(x):
    return np.exp(x) / np.exp(x).sum()


def signals_of(losses, present=None):
    return Signals(jnp.asarray(losses, jnp.float32), present=present)


def by_hand(pairs, learning_rate=0.05, gamma=0.1):
    """xi after every pair (losses before, losses after) of a step, from xi = 0."""
    xi, first, second, trace = np.zeros(3), np.zeros(3), np.zeros(3), []
    for t, (before, after) in enumerate(pairs, start=1):
        fall = np.log(before - B + 1e-8) - np.log(after - B + 1e-8)
        z = softmax(xi)
        jacobian = np.diag(z) - np.outer(z, z)
        gradient = jacobian.T @ fall + gamma * xi
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        unbiased = first / (1 - 0.9**t), second / (1 - 0.999**t)
        xi = xi - learning_rate * unbiased[0] / (np.sqrt(unbiased[1]) + 1e-8)
        trace.append(xi)
    return np.array(trace)


def weights_by_hand(xi, losses):
    raw = softmax(xi) / (losses - B + 1e-8)
    return raw / raw.sum()


def test_three_steps_by_hand_with_a_second_forward():
    balancer = balancers.famo(0.05, 0.1, B)
    assert balancer.needs == {"losses_after"}
    state, xi = balancer.init(3), np.zeros((1, 3))
    xi = np.concatenate([xi, by_hand(zip(BEFORE, AFTER, strict=True))])
    for t in range(3):
        weights, state = balancer.update(signals_of(BEFORE[t]), state)
        np.testing.assert_allclose(weights, weights_by_hand(xi[t], BEFORE[t]), 1e-4)
        state = balancer.observe(jnp.asarray(AFTER[t], jnp.float32), state)
        np.testing.assert_allclose(state.logits, xi[t + 1], rtol=1e-4)


def test_three_steps_by_hand_with_the_next_batch():
    """The first call knows no rate: xi moves before the second and the third."""
    balancer = balancers.famo(0.05, 0.1, B, "next")
    assert balancer.needs == frozenset() and balancer.observe is None
    state = balancer.init(3)
    pairs = zip(BEFORE[:-1], BEFORE[1:], strict=True)
    xi = np.concatenate([np.zeros((1, 3)), by_hand(pairs)])
    for t in range(3):
        weights, state = balancer.update(signals_of(BEFORE[t]), state)
        np.testing.assert_allclose(state.logits, xi[t], rtol=1e-4)
        np.testing.assert_allclose(weights, weights_by_hand(xi[t], BEFORE[t]), 1e-4)


def test_the_gradient_is_the_product_with_the_softmax_jacobian():
    """z (delta - <z, delta>), the form used, and Adam's first step is its sign."""
    rng = np.random.default_rng(2)
    xi, delta = jnp.asarray(rng.standard_normal((2, 5)), jnp.float32)
    z = jax.nn.softmax(xi)
    (expected,) = jax.vjp(jax.nn.softmax, xi)[1](delta)
    np.testing.assert_allclose(z * (delta - z @ delta), expected, atol=1e-6)
    balancer = balancers.famo(0.1, 0.0)
    _, state = balancer.update(Signals(jnp.exp(delta)), balancer.init(5))
    state = balancer.observe(jnp.ones(5), state)
    signs = np.sign(np.asarray(delta - delta.mean()))
    np.testing.assert_allclose(state.logits, -0.1 * signs, rtol=1e-3)


def test_the_task_that_falls_slowest_gains():
    """Toy "training": each loss falls at its own rate times its share of the step."""
    balancer = balancers.famo(0.05, 0.0)
    rates = jnp.array([1.0, 0.3])

    def step(carry, _):
        losses, state = carry
        weights, state = balancer.update(Signals(losses), state)
        share = weights * losses / jnp.sum(weights * losses)
        after = losses * jnp.exp(-0.05 * rates * share)
        return (after, balancer.observe(after, state)), jnp.log(losses / after)

    start = (jnp.array([1.0, 1.0]), balancer.init(2))
    (_, state), falls = jax.lax.scan(step, start, length=300)
    assert state.logits[1] > state.logits[0]
    np.testing.assert_allclose(falls[-1, 0], falls[-1, 1], rtol=0.1)
    assert falls[0, 0] > 3 * falls[0, 1]


def test_gamma_pulls_the_tasks_together():
    balancer = balancers.famo(0.05, 1.0, second_forward="next")
    state = balancer.init(2)._replace(logits=jnp.array([2.0, -2.0]))
    for _ in range(200):
        _, state = balancer.update(Signals(jnp.ones(2)), state)
    np.testing.assert_allclose(state.logits, 0.0, atol=0.05)


def test_weights_are_shares_of_log_losses():
    """Along w all z_i log D_i count: w_i D_i is proportional to z_i."""
    balancer = balancers.famo()
    xi, losses = jnp.array([0.3, -1.0, 0.5]), jnp.array([0.1, 2.0, 30.0])
    weights, _ = balancer.update(Signals(losses), balancer.init(3)._replace(logits=xi))
    share = weights * losses
    np.testing.assert_allclose(share / share.sum(), softmax(np.array(xi)), rtol=1e-4)
    np.testing.assert_allclose(weights.sum(), 1.0, rtol=1e-5)


@pytest.mark.parametrize("after", [0.0, jnp.nan])
def test_observing_leaves_absent_tasks_alone(after):
    """Those of the call before it, whatever their losses read now."""
    present = jnp.array([True, False, True])
    balancer, alone = balancers.famo(0.05, 0.1), balancers.famo(0.05, 0.1)
    state, small = balancer.init(3), alone.init(2)
    _, state = balancer.update(signals_of([1.0, after, 3.0], present), state)
    _, small = alone.update(signals_of([1.0, 3.0]), small)
    state = balancer.observe(jnp.array([0.9, after, 2.0]), state)
    small = alone.observe(jnp.array([0.9, 2.0]), small)
    np.testing.assert_allclose(state.logits[jnp.array([0, 2])], small.logits, rtol=1e-5)
    assert state.logits[1] == 0.0
    _, state = balancer.update(signals_of([1.0, 1.0, 1.0]), state)
    state = balancer.observe(jnp.array([0.5, 1.0, 1.0]), state)
    assert jnp.all(jnp.isfinite(state.logits)) and state.logits[1] != 0.0


def test_a_task_that_comes_back_is_compared_with_its_own_last_loss():
    balancer = balancers.famo(0.1, 0.0, second_forward="next")
    state = balancer.init(2)
    for losses, present in (
        ([4.0, 4.0], [True, True]),
        ([2.0, 9.0], [True, False]),
        ([1.8, 1.0], [True, True]),  # task 1 fell by log 4, task 0 by log 10 / 9
    ):
        _, state = balancer.update(signals_of(losses, jnp.array(present)), state)
    np.testing.assert_allclose(state.log_losses, np.log([1.8, 1.0]), atol=1e-6)
    assert state.logits[1] < 0 < state.logits[0]


def test_observe_keeps_types_and_runs_in_a_population():
    rates = jnp.array([0.01, 0.1])

    def run(learning_rate, gamma):
        balancer = balancers.famo(learning_rate, gamma, B)

        def step(state, losses):
            weights, state = balancer.update(Signals(losses[0]), state)
            return balancer.observe(losses[1], state), weights

        steps = jnp.stack([jnp.array(BEFORE), jnp.array(AFTER)], 1)
        return jax.lax.scan(step, balancer.init(3), steps.astype(jnp.float32))[1]

    found = jax.jit(jax.vmap(run))(rates, jnp.array([0.0, 0.1]))
    for index in range(2):
        expected = run(float(rates[index]), 0.1 * index)
        np.testing.assert_allclose(found[index], expected, rtol=1e-4)
    assert not np.allclose(found[0], found[1])


@pytest.mark.parametrize("losses", [[0.0, 0.0], [-5.0, 1.0]])
def test_losses_at_or_below_their_minimum_are_finite(losses):
    balancer = balancers.famo()
    weights, state = balancer.update(signals_of(losses), balancer.init(2))
    state = balancer.observe(jnp.zeros(2), state)
    assert np.isfinite(weights).all() and np.isfinite(state.logits).all()
