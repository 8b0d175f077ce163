import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.types import Signals

# Losses of two tasks over six calls.
SCRIPT = np.array(
    [[4.0, 2.0], [2.0, 2.0], [1.0, 1.0], [1.0, 0.5], [0.5, 1.5], [0.25, 0.5]]
)


def weights(balancer, script, epochs=None, present=None):
    state, found = balancer.init(script.shape[1]), []
    for step, losses in enumerate(script):
        signals = Signals(
            losses=jnp.asarray(losses, jnp.float32),
            epoch=None if epochs is None else jnp.int32(epochs[step]),
            present=None if present is None else jnp.asarray(present[step]),
        )
        new, state = balancer.update(signals, state)
        found.append(np.asarray(new))
    return np.stack(found)


def softmax(ratio, temperature=2.0):
    """T softmax(r / temperature)."""
    powers = np.exp(np.asarray(ratio) / temperature)
    return len(powers) * powers / powers.sum()


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_a_window_is_a_call_where_nothing_is_said(temperature):
    found = weights(balancers.dwa(temperature), SCRIPT)
    np.testing.assert_allclose(found[:2], 1.0, rtol=1e-6)
    for t in range(2, 6):
        expected = softmax(SCRIPT[t - 1] / SCRIPT[t - 2], temperature)
        np.testing.assert_allclose(found[t], expected, rtol=1e-5)


@pytest.mark.parametrize("said", ["epoch", "window", "window, not the epoch"])
def test_a_window_is_an_epoch_or_a_number_of_calls(said):
    epochs = {"epoch": [0, 0, 1, 1, 2, 2], "window": None}.get(
        said, [5, 6, 7, 8, 9, 10]
    )
    balancer = balancers.dwa(window=None if said == "epoch" else 2)
    found = weights(balancer, SCRIPT, epochs)
    means = SCRIPT.reshape(3, 2, 2).mean(1)
    np.testing.assert_allclose(found[:4], 1.0, rtol=1e-6)
    np.testing.assert_allclose(found[4:], [softmax(means[1] / means[0])] * 2, rtol=1e-5)


def test_epochs_may_differ_in_length_and_start_anywhere():
    found = weights(balancers.dwa(), SCRIPT, [3, 3, 3, 4, 5, 5])
    expected = softmax(SCRIPT[3] / SCRIPT[:3].mean(0))
    np.testing.assert_allclose(found[4:], [expected] * 2, rtol=1e-5)


def test_a_high_temperature_gives_ones():
    np.testing.assert_allclose(weights(balancers.dwa(1e6), SCRIPT), 1.0, rtol=1e-5)


def test_the_task_that_falls_slower_gets_more():
    found = weights(balancers.dwa(), np.array([[1.0, 1.0], [0.9, 0.5], [0.8, 0.2]]))
    assert found[2, 0] > 1.0 > found[2, 1]


def test_a_loss_of_zero_has_no_ratio():
    found = weights(balancers.dwa(), np.array([[0.0, 1.0], [1.0, 1.0], [1.0, 1.0]]))
    np.testing.assert_allclose(found[2], 1.0, rtol=1e-6)


def test_a_window_counts_only_the_calls_that_hold_the_task():
    present = [[True, True], [True, False], [True, True], [False, True]] + [
        [True, True]
    ]
    found = weights(balancers.dwa(window=2), SCRIPT[:5], present=present)
    first = np.array([SCRIPT[:2, 0].mean(), SCRIPT[0, 1]])
    second = np.array([SCRIPT[2, 0], SCRIPT[2:4, 1].mean()])
    np.testing.assert_allclose(found[4], softmax(second / first), rtol=1e-5)


def test_a_window_without_the_task_leaves_its_history():
    present = [[True, True], [True, True], [True, False], [True, True]]
    found = weights(balancers.dwa(), SCRIPT[:4], present=present)
    ratio = [SCRIPT[2, 0] / SCRIPT[1, 0], SCRIPT[1, 1] / SCRIPT[0, 1]]
    np.testing.assert_allclose(found[3], softmax(ratio), rtol=1e-5)
