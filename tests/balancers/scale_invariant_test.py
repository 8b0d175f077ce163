import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.types import Signals

LOSSES = jnp.array([0.3, 1.0, 5.0, 40.0])


def weigh(losses, variant="log"):
    return balancers.scale_invariant(variant).update(Signals(losses), ())[0]


@pytest.mark.parametrize(("variant", "log"), [("log", jnp.log), ("log1p", jnp.log1p)])
def test_weights_are_the_gradient_of_the_sum_of_logarithms(variant, log):
    expected = jax.grad(lambda losses: jnp.sum(log(losses)))(LOSSES)
    np.testing.assert_allclose(weigh(LOSSES, variant), expected, rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-4, 1e4])
def test_a_task_has_the_same_share_in_any_unit(scale):
    scaled = LOSSES.at[1].multiply(scale)
    share = weigh(scaled) * scaled
    np.testing.assert_allclose(share, weigh(LOSSES) * LOSSES, rtol=1e-6)


def test_log1p_is_not_invariant_to_scale_but_bounded():
    found = weigh(jnp.array([0.0, 1e-3, 1.0, 1e6]), "log1p")
    np.testing.assert_allclose(found, [1.0, 1 / 1.001, 0.5, 1e-6], rtol=1e-5)


@pytest.mark.parametrize("loss", [0.0, -3.0, 1e-20])
def test_a_loss_that_has_no_logarithm_counts_as_the_least(loss):
    found = weigh(jnp.array([loss, 2.0]))
    np.testing.assert_allclose(found, [1e8, 0.5], rtol=1e-6)
    np.testing.assert_allclose(weigh(jnp.array([loss, 2.0]), "log1p")[0], 1.0)
