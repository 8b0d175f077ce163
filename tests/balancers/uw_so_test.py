import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.types import Signals

LOSSES = np.array([0.3, 1.0, 5.0])


def weigh(losses, temperature=1.0):
    signals = Signals(jnp.asarray(losses, jnp.float32))
    return np.asarray(balancers.uw_so(temperature).update(signals, ())[0])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 20.0])
def test_weights_are_the_softmax_of_inverse_losses(temperature):
    powers = np.exp(1.0 / LOSSES / temperature)
    expected = powers / powers.sum()
    np.testing.assert_allclose(weigh(LOSSES, temperature), expected, rtol=1e-5)


def test_temperature_goes_from_the_least_loss_to_all_alike():
    np.testing.assert_allclose(weigh(LOSSES, 1e-3), [1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(weigh(LOSSES, 1e6), 1 / 3, rtol=1e-5)


def test_the_temperature_has_the_unit_of_an_inverse_loss():
    np.testing.assert_allclose(weigh(7 * LOSSES), weigh(LOSSES, 7.0), rtol=1e-5)
    assert not np.allclose(weigh(7 * LOSSES), weigh(LOSSES))


def test_first_order_in_one_over_temperature_is_inverse_loss_weighting():
    """w = 1/T + (1/L_i - mean(1/L)) / (T temperature) + O(1/temperature^2)."""
    inverse = 1.0 / LOSSES
    expected = 1 / 3 + (inverse - inverse.mean()) / (3 * 100.0)
    np.testing.assert_allclose(weigh(LOSSES, 100.0), expected, atol=1e-3)


def test_a_loss_of_zero_takes_all():
    np.testing.assert_allclose(weigh([1.0, 0.0, 2.0]), [0, 1, 0], atol=1e-6)
