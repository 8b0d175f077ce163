import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.types import Signals


def weigh(weights, losses, present=None):
    balancer = balancers.constant(weights)
    signals = Signals(jnp.asarray(losses), present=present)
    return balancer.update(signals, balancer.init(len(losses)))[0]


@pytest.mark.parametrize("losses", [[1.0, 2.0, 3.0], [0.0, 1e8, 1e-8]])
def test_the_weights_are_those_given_whatever_the_losses(losses):
    np.testing.assert_array_equal(weigh((0.5, 2.0, 0.0), losses), [0.5, 2.0, 0.0])
    np.testing.assert_array_equal(weigh(3.0, losses), [3.0, 3.0, 3.0])


def test_absent_tasks_get_nothing_and_the_others_what_they_had():
    found = weigh((0.5, 2.0, 1.0), [1.0, 1.0, 1.0], jnp.array([True, False, True]))
    np.testing.assert_array_equal(found, [0.5, 0.0, 1.0])


def test_ones_are_the_equal_weights():
    signals = Signals(jnp.ones(4), present=jnp.array([True, False, True, True]))
    expected, _ = balancers.equal().update(signals, ())
    found, _ = balancers.constant().update(signals, ())
    np.testing.assert_array_equal(found, expected)


def test_one_number_a_task_is_checked_at_the_start():
    with pytest.raises(ValueError, match="weights to be one number .* of 3"):
        balancers.constant((1.0, 2.0)).init(3)
