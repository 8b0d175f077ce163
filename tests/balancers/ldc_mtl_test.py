import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mtlx import balancers
from mtlx.types import Signals

LOSSES = np.array([0.3, 1.0, 5.0, 0.9])
INITIAL = np.array([0.5, 2.0, 4.0, 1.5])
NORMALISERS = ("none", "initial", "log_initial")


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def normalised(losses, normalise):
    return {
        "none": losses,
        "initial": losses / (INITIAL / INITIAL.min()),
        "log_initial": np.log(losses / INITIAL),
    }[normalise]


def total(losses, logits, mass, penalty, normalise):
    """The objective as it is coded; `mass` stands for sum(a) under stopgrad."""
    weighted = sigmoid(logits) * normalised(losses, normalise)
    return weighted.sum() / mass + penalty * np.abs(np.diff(weighted)).sum()


def differences(function, point):
    shifts = 1e-6 * np.eye(len(point))
    return np.array(
        [(function(point + h) - function(point - h)) / 2e-6 for h in shifts]
    )


def state_at(balancer, logits):
    return balancer.init(4)._replace(
        logits=jnp.asarray(logits, jnp.float32),
        initial_losses=jnp.asarray(INITIAL, jnp.float32),
        started=jnp.ones(4, bool),
    )


@pytest.mark.parametrize("normalise", NORMALISERS)
@pytest.mark.parametrize("penalty", [0.0, 0.1, 2.0])
def test_weights_are_finite_differences_of_the_objective(normalise, penalty):
    logits = np.array([1.0, -0.5, 0.3, 2.0])
    mass = sigmoid(logits).sum()
    expected = differences(
        lambda losses: total(losses, logits, mass, penalty, normalise), LOSSES
    )
    balancer = balancers.ldc_mtl(penalty, normalise)
    signals = Signals(jnp.asarray(LOSSES, jnp.float32))
    found, _ = balancer.update(signals, state_at(balancer, logits))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("normalise", NORMALISERS)
def test_the_router_takes_adam_steps_on_the_objective(normalise):
    balancer = balancers.ldc_mtl(0.3, normalise, 0.2)
    logits = np.array([1.0, -0.5, 0.3, 2.0])
    state, adam = state_at(balancer, logits), optax.adam(0.2)
    optimizer = adam.init(jnp.asarray(logits))
    for factor in (1.0, 0.8, 0.5, 0.45):
        losses, mass = factor * LOSSES, sigmoid(logits).sum()
        gradient = differences(
            lambda w, losses=losses, mass=mass: total(losses, w, mass, 0.3, normalise),
            logits,
        )
        updates, optimizer = adam.update(jnp.asarray(gradient), optimizer)
        logits = logits + np.asarray(updates)
        _, state = balancer.update(Signals(jnp.asarray(losses, jnp.float32)), state)
        np.testing.assert_allclose(state.logits, logits, rtol=1e-3, atol=1e-4)


def test_without_penalty_weights_start_even():
    balancer = balancers.ldc_mtl(0.0)
    signals = Signals(jnp.asarray(LOSSES, jnp.float32))
    weights, _ = balancer.update(signals, balancer.init(4))
    np.testing.assert_allclose(weights, 0.25, rtol=1e-5)


def test_two_tasks_in_closed_form():
    """a_i (1 / (a_1 + a_2) +- penalty): more for the larger loss, by sign alone."""
    balancer, gate = balancers.ldc_mtl(0.1), sigmoid(1.0)
    for losses in ((2.0, 1.0), (200.0, 1.0)):
        weights, _ = balancer.update(Signals(jnp.array(losses)), balancer.init(2))
        np.testing.assert_allclose(weights, [0.5 + 0.1 * gate, 0.5 - 0.1 * gate], 1e-5)


def test_a_large_penalty_raises_a_task_that_is_ahead_of_both_neighbours():
    """s = -2 there: negative beyond 1 / (2 sum(a))."""
    bound = 1.0 / (2 * 3 * sigmoid(1.0))
    signals = Signals(jnp.array([1.0, 0.5, 1.0]))
    for penalty, sign in ((0.9 * bound, 1.0), (1.1 * bound, -1.0)):
        balancer = balancers.ldc_mtl(penalty)
        weights, _ = balancer.update(signals, balancer.init(3))
        assert np.sign(weights[1]) == sign


def test_the_order_of_the_tasks_matters():
    balancer, order = balancers.ldc_mtl(), jnp.array([1, 0, 2, 3])
    losses = jnp.array([1.0, 2.0, 3.0, 4.0])
    plain, _ = balancer.update(Signals(losses), balancer.init(4))
    turned, _ = balancer.update(Signals(losses[order]), balancer.init(4))
    assert not np.allclose(turned, plain[order])


def test_an_absent_task_makes_neighbours_of_those_beside_it():
    """Without the second task, losses 1, 2, 1: the middle one leads."""
    losses = jnp.array([1.0, 9.0, 2.0, 1.0])
    present = jnp.array([True, False, True, True])
    balancer, gate = balancers.ldc_mtl(0.1), sigmoid(1.0)
    weights, _ = balancer.update(Signals(losses, present=present), balancer.init(4))
    expected = np.array([1 / 3 - 0.1 * gate, 0, 1 / 3 + 0.2 * gate, 1 / 3 - 0.1 * gate])
    np.testing.assert_allclose(weights, expected, rtol=1e-5)


def test_initial_losses_are_the_first_that_a_task_has():
    balancer, state = balancers.ldc_mtl(normalise="initial"), None
    state = balancer.init(2)
    for losses, present in (
        ([4.0, 7.0], [True, False]),
        ([3.0, 2.0], [True, True]),
        ([1.0, 1.0], [True, True]),
    ):
        signals = Signals(jnp.array(losses), present=jnp.array(present))
        _, state = balancer.update(signals, state)
    np.testing.assert_array_equal(state.initial_losses, [4.0, 2.0])


def test_normalised_losses_are_alike_at_the_start():
    """At the first step Lt = min_j L_j for all, and nothing differs: w_i = 1 / L_i / T
    times min_j L_j = 1."""
    balancer = balancers.ldc_mtl(0.5, "initial")
    losses = jnp.array([1.0, 1.7, 8.3])
    weights, _ = balancer.update(Signals(losses), balancer.init(3))
    np.testing.assert_allclose(weights, 1 / (3 * losses), rtol=1e-5)


def test_the_penalty_draws_weighted_losses_together():
    """Fixed losses, the router alone: a_1 L_1 = a_2 L_2 in the end."""
    balancer = balancers.ldc_mtl(5.0, learning_rate=0.01)

    def step(state, _):
        return balancer.update(Signals(jnp.array([2.0, 1.0])), state)[::-1]

    state, _ = jax.lax.scan(step, balancer.init(2), length=400)
    weighted = jax.nn.sigmoid(state.logits) * jnp.array([2.0, 1.0])
    np.testing.assert_allclose(weighted[0], weighted[1], rtol=0.05)
