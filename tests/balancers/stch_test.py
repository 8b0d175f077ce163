import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import softmax

from mtlx import balancers
from mtlx.types import Signals

LOSSES = jnp.array([0.3, 1.0, 5.0])
P, Z = (0.2, 0.5, 0.3), (0.1, -1.0, 2.0)


def weigh(balancer, losses=LOSSES):
    return balancer.update(Signals(jnp.asarray(losses)), balancer.init(3))[0]


def run(balancer, script, epochs=None, present=None):
    state, found = balancer.init(len(script[0])), []
    for step, losses in enumerate(script):
        signals = Signals(
            losses=jnp.asarray(losses, jnp.float32),
            epoch=None if epochs is None else jnp.int32(epochs[step]),
            present=None if present is None else jnp.asarray(present[step]),
        )
        new, state = balancer.update(signals, state)
        found.append(np.asarray(new))
    return np.stack(found)


@pytest.mark.parametrize("mu", [0.05, 1.0, 10.0])
def test_plain_weights_are_the_gradient_of_the_scalarisation(mu):
    def smooth_maximum(losses):
        excess = jnp.array(P) * (losses - jnp.array(Z))
        return mu * jax.nn.logsumexp(excess / mu)

    balancer = balancers.stch(mu, weights=P, reference=Z, variant="plain")
    expected = jax.grad(smooth_maximum)(LOSSES)
    np.testing.assert_allclose(weigh(balancer), expected, rtol=1e-5, atol=1e-7)


def test_mu_goes_from_the_maximum_to_linear_scalarisation():
    sharp = balancers.stch(1e-3, weights=P, reference=Z, variant="plain")
    worst = np.argmax(np.array(P) * (np.asarray(LOSSES) - np.array(Z)))
    np.testing.assert_allclose(weigh(sharp), np.eye(3)[worst] * P, atol=1e-6)
    flat = balancers.stch(1e6, weights=P, reference=Z, variant="plain")
    np.testing.assert_allclose(weigh(flat), np.array(P) / 3, rtol=1e-5)


def test_the_even_preference_is_one_over_t():
    plain = balancers.stch(variant="plain")
    same = balancers.stch(weights=1 / 3, variant="plain")
    np.testing.assert_allclose(weigh(plain), weigh(same), rtol=1e-6)
    expected = softmax(np.asarray(LOSSES) / 3) / 3
    np.testing.assert_allclose(weigh(plain), expected, rtol=1e-5)


SCRIPT = np.array([[4.0, 2.0], [2.0, 3.0], [6.0, 1.0], [1.0, 0.5], [0.5, 1.5]])


@pytest.mark.parametrize("mu", [0.3, 1.0])
@pytest.mark.parametrize("p", [None, (0.5, 2.0)])
def test_libmtl_warms_up_and_then_weighs_progress_against_the_nadir(mu, p):
    """Epoch 1 measures: N = mean of the second and third losses."""
    found = run(balancers.stch(mu, 1, p), SCRIPT, epochs=[0, 1, 1, 2, 3])
    np.testing.assert_allclose(found[:3], 1 / SCRIPT[:3], rtol=1e-6)
    nadir, p = SCRIPT[1:3].mean(0), np.array(p or (1.0, 1.0))

    def objective(losses):
        progress = jnp.log(losses / nadir)
        return 2 * mu * jax.nn.logsumexp(p * progress / mu)

    for step in (3, 4):
        expected = jax.grad(objective)(jnp.asarray(SCRIPT[step], jnp.float32))
        np.testing.assert_allclose(found[step], expected, rtol=1e-5)


def test_shares_sum_to_the_number_of_tasks():
    found = run(balancers.stch(warmup=0), SCRIPT)
    np.testing.assert_allclose((found * SCRIPT).sum(1), 2.0, rtol=1e-5)


def test_a_call_is_an_epoch_where_nothing_is_said():
    found = run(balancers.stch(warmup=1), SCRIPT)
    expected = run(balancers.stch(warmup=1), SCRIPT, epochs=range(5))
    np.testing.assert_array_equal(found, expected)


def test_a_nadir_that_is_given_needs_no_warm_up():
    """At mu = 1, softmax(log f) = f / sum(f): w_i = T / (N_i sum_j L_j / N_j)."""
    found = run(balancers.stch(nadir=(2.0, 4.0)), SCRIPT)
    ratio = SCRIPT / [2.0, 4.0]
    expected = 2 / (np.array([2.0, 4.0]) * ratio.sum(1, keepdims=True))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_unit_of_a_loss_does_not_matter():
    found = run(balancers.stch(0.5, 1), SCRIPT * [100.0, 1.0]) * [100.0, 1.0]
    np.testing.assert_allclose(found, run(balancers.stch(0.5, 1), SCRIPT), rtol=1e-4)


def test_a_task_absent_from_the_epoch_takes_its_first_loss_after_it():
    present = [[True, True], [True, False], [True, False], [True, True], [True, True]]
    found = run(balancers.stch(warmup=1), SCRIPT, present=present)
    ratio = SCRIPT[4] / [SCRIPT[1, 0], SCRIPT[3, 1]]
    np.testing.assert_allclose(found[4], 2 * ratio / ratio.sum() / SCRIPT[4], rtol=1e-5)


@pytest.mark.parametrize("variant", ["libmtl", "plain"])
def test_mu_may_be_a_population(variant):
    def weights(mu):
        nadir = (1.0, 1.0, 1.0) if variant == "libmtl" else None
        return weigh(balancers.stch(mu, nadir=nadir, variant=variant))

    found = jax.vmap(weights)(jnp.array([0.1, 1.0]))
    for row, mu in zip(found, (0.1, 1.0), strict=True):
        np.testing.assert_allclose(row, weights(mu), rtol=1e-5)
    assert not np.allclose(*found)
