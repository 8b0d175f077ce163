import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.types import Signals


def gram_of(norms):
    return jnp.diag(jnp.asarray(norms, jnp.float32) ** 2)


def scan(balancer, losses, norms):
    """Weights of every step [S, T], for losses and norms [S, T]."""

    def body(state, step):
        signals = Signals(losses=step[0], gram=jnp.diag(step[1] ** 2))
        return balancer.update(signals, state)[::-1]

    steps = (jnp.asarray(losses, jnp.float32), jnp.asarray(norms, jnp.float32))
    start = balancer.init(steps[0].shape[1])
    return jax.jit(lambda: jax.lax.scan(body, start, steps)[1])()


def test_first_step_by_hand():
    """w n = (2, 1), target (1.5, 1.5): the signs are +, -, and Adam steps by lr."""
    balancer = balancers.gradnorm(learning_rate=0.1)
    signals = Signals(losses=jnp.array([3.0, 7.0]), gram=gram_of([2.0, 1.0]))
    weights, state = balancer.update(signals, balancer.init(2))
    np.testing.assert_array_equal(weights, [1.0, 1.0])  # those before the update
    np.testing.assert_allclose(state.weights, [0.9, 1.1], rtol=1e-5)
    np.testing.assert_array_equal(state.initial_losses, [3.0, 7.0])


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.5])
@pytest.mark.parametrize("initial", [None, (1.0, 2.0, 0.5)])
def test_steps_are_algorithm_1_written_out(alpha, initial):
    rng = np.random.default_rng(0)
    losses, norms = rng.uniform(0.2, 2.0, (2, 25, 3))
    balancer = balancers.gradnorm(alpha, 0.05, initial)
    found = scan(balancer, losses, norms)
    w, first, second = np.ones(3), np.zeros(3), np.zeros(3)
    reference = losses[0] if initial is None else np.array(initial)
    for t in range(25):
        np.testing.assert_allclose(found[t], w, rtol=1e-4)
        inverse_rate = losses[t] / reference
        r = inverse_rate / inverse_rate.mean()
        target = (w * norms[t]).mean() * r**alpha
        gradient = norms[t] * np.sign(w * norms[t] - target)
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        unbiased = first / (1 - 0.9 ** (t + 1)), second / (1 - 0.999 ** (t + 1))
        w = w - 0.05 * unbiased[0] / (np.sqrt(unbiased[1]) + 1e-8)
        w = np.maximum(w, 1e-3)
        w = 3 * w / w.sum()


def test_alpha_zero_evens_out_the_norms():
    norms = np.array([4.0, 1.0, 0.5])
    balancer = balancers.gradnorm(alpha=0.0, learning_rate=2e-3)
    found = scan(balancer, np.ones((1500, 3)), np.tile(norms, (1500, 1)))
    expected = 3 * (1 / norms) / (1 / norms).sum()
    np.testing.assert_allclose(found[-1], expected, rtol=0.02)


def test_the_task_that_trains_slowly_gets_more():
    losses = np.stack([0.9 ** np.arange(50), np.ones(50)], axis=1)
    found = np.asarray(scan(balancers.gradnorm(), losses, np.ones((50, 2))))
    assert (np.diff(found[1:20, 1]) > 0).all() and found[20, 1] > 1.3


def test_weights_stay_positive_and_keep_their_sum():
    norms = np.tile([1e3, 1.0, 1e-3], (200, 1))
    found = np.asarray(scan(balancers.gradnorm(learning_rate=0.5), norms, norms))
    assert found.min() > 0
    np.testing.assert_allclose(found.sum(1), 3.0, rtol=1e-5)


def test_a_task_takes_its_first_loss_where_it_is_first_present():
    balancer, state = balancers.gradnorm(), None
    state = balancer.init(2)
    for loss, present in ((5.0, False), (3.0, True), (2.0, True)):
        signals = Signals(
            losses=jnp.array([1.0, loss]),
            gram=gram_of([1.0, 1.0]),
            present=jnp.array([True, present]),
        )
        _, state = balancer.update(signals, state)
    np.testing.assert_array_equal(state.initial_losses, [1.0, 3.0])


def test_the_sum_over_all_tasks_survives_absences():
    balancer = balancers.gradnorm(learning_rate=0.1)
    state, rng = balancer.init(4), np.random.default_rng(0)
    for _ in range(20):
        signals = Signals(
            losses=jnp.asarray(rng.uniform(0.1, 1.0, 4), jnp.float32),
            gram=gram_of(rng.uniform(0.1, 1.0, 4)),
            present=jnp.asarray(rng.uniform(size=4) < 0.6),
        )
        _, state = balancer.update(signals, state)
    np.testing.assert_allclose(jnp.sum(state.weights), 4.0, rtol=1e-5)
