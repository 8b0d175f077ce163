import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.types import Signals


@pytest.mark.parametrize(("reduction", "each"), [("sum", 1.0), ("mean", 1 / 4)])
def test_the_direction_is_the_gradient_of_the_sum_or_the_mean(reduction, each):
    signals = Signals(losses=jnp.arange(4.0))
    weights, _ = balancers.equal(reduction).update(signals, ())
    np.testing.assert_array_equal(weights, jnp.full(4, each))


@pytest.mark.parametrize(("reduction", "each"), [("sum", 1.0), ("mean", 1 / 2)])
def test_the_mean_is_over_the_tasks_present(reduction, each):
    present = jnp.array([True, False, True, False])
    signals = Signals(losses=jnp.arange(4.0), present=present)
    weights, _ = balancers.equal(reduction).update(signals, ())
    np.testing.assert_array_equal(weights, jnp.where(present, each, 0.0))
