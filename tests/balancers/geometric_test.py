import jax
import jax.numpy as jnp
import numpy as np

from mtlx import balancers
from mtlx.types import Signals

LOSSES = np.array([0.3, 1.0, 5.0, 40.0])


def weigh(losses):
    signals = Signals(jnp.asarray(losses, jnp.float32))
    return balancers.geometric().update(signals, ())[0]


def test_weights_are_the_gradient_of_the_geometric_mean():
    expected = jax.grad(lambda losses: jnp.prod(losses) ** 0.25)(jnp.array(LOSSES))
    np.testing.assert_allclose(weigh(LOSSES), expected, rtol=1e-5)


def test_every_task_has_the_same_share_of_the_geometric_mean():
    mean = np.exp(np.log(LOSSES).mean())
    np.testing.assert_allclose(weigh(LOSSES) * LOSSES, mean / 4, rtol=1e-5)


def test_the_direction_is_that_of_the_sum_of_logarithms():
    signals = Signals(jnp.asarray(LOSSES, jnp.float32))
    other, _ = balancers.scale_invariant().update(signals, ())
    ratio = weigh(LOSSES) / other
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)


def test_scaling_a_loss_scales_the_whole_by_the_root():
    scaled = LOSSES * [16.0, 1.0, 1.0, 1.0]
    found, before = weigh(scaled) * scaled, weigh(LOSSES) * LOSSES
    np.testing.assert_allclose(found, 2.0 * before, rtol=1e-5)


def test_the_product_of_many_losses_may_leave_float32():
    found = weigh(np.full(64, 1e-3))  # 1e-192
    np.testing.assert_allclose(found, 1 / 64, rtol=1e-4)


def test_one_task_is_trained_plainly():
    np.testing.assert_allclose(weigh([7.0]), [1.0], rtol=1e-6)
