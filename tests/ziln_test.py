"""The zero-inflated log-normal loss against its density in SciPy, and its gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from mtlx import ziln
from mtlx.losses import masked_mean
from mtlx.tasks import Task

OUTPUTS = np.array(
    [[-1.2, 3.0, 0.4], [0.7, 4.1, -0.8], [2.0, -1.0, 1.5], [-3.0, 0.0, 0.0]]
)
LABELS = np.array([0.0, 81.01, 0.35, 499.0])


def softplus(x):
    return np.log1p(np.exp(x))


def loss(outputs, labels):
    return ziln.ziln_loss(jnp.float32(outputs), jnp.float32(labels))


def test_the_loss_is_the_negative_log_likelihood():
    p, mu, sigma = expit(OUTPUTS[:, 0]), OUTPUTS[:, 1], softplus(OUTPUTS[:, 2])
    density = stats.lognorm(s=sigma[1:], scale=np.exp(mu[1:])).pdf(LABELS[1:])
    expected = [-np.log(1 - p[0]), *-np.log(p[1:] * density)]
    np.testing.assert_allclose(loss(OUTPUTS, LABELS), expected, rtol=1e-5)


def test_a_golden_value():
    """log 2 + log(y sigma sqrt(2 pi)) with y = e, mu = 1 and sigma = log 2."""
    found = loss([[0.0, 1.0, 0.0]], [np.e])
    np.testing.assert_allclose(found, [0.6931472 + 1.0 - 0.3665129 + 0.9189385], 1e-6)


def test_the_gradient_is_its_formula_and_zero_amounts_give_mu_and_sigma_none():
    found = jax.grad(lambda x: loss(x, LABELS).sum())(jnp.float32(OUTPUTS))
    logit, mu, raw = OUTPUTS.T
    sigma, bought = softplus(raw), LABELS > 0
    away = np.where(bought, np.log(np.where(bought, LABELS, 1.0)) - mu, 0.0)
    expected = np.stack(
        [
            expit(logit) - bought,
            -away / sigma**2,
            bought * (1 / sigma - away**2 / sigma**3) * expit(raw),
        ],
        axis=1,
    )
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(found[0, 1:], [0.0, 0.0])


def test_extreme_outputs_have_finite_losses_and_gradients():
    outputs = [[60.0, 5.0, -90.0], [-60.0, -5.0, 90.0], [0.0, 0.0, -90.0]]
    labels = jnp.float32([150.0, 0.0, 1.0])
    value, grad = jax.value_and_grad(lambda x: loss(x, labels).sum())(
        jnp.float32(outputs)
    )
    assert np.isfinite(value) and np.isfinite(grad).all()


def test_a_row_that_does_not_count_gives_nothing():
    def mean(outputs, labels):
        return masked_mean(loss(outputs, labels), jnp.array([True, True, False, True]))

    others = OUTPUTS.copy()
    others[2] = 1e6
    labels = np.where([True, True, False, True], LABELS, 0.0)
    value, grad = jax.value_and_grad(mean)(jnp.float32(others), labels)
    np.testing.assert_allclose(value, mean(OUTPUTS, labels), rtol=1e-6)
    np.testing.assert_array_equal(grad[2], np.zeros(3))


def test_the_mean_is_that_of_draws():
    """Within five standard errors of 200,000 draws."""
    rng = np.random.default_rng(0)
    outputs = np.array([0.4, 1.0, -0.5])
    p, mu, sigma = expit(0.4), 1.0, softplus(-0.5)
    draws = (rng.random(200_000) < p) * rng.lognormal(mu, sigma, 200_000)
    (mean,) = ziln.ziln_mean(jnp.float32(outputs[None]))
    assert abs(mean - draws.mean()) < 5 * draws.std() / np.sqrt(len(draws))


def test_the_least_loss_of_all_rows_alike_is_at_their_own_figures():
    """p the share of amounts, mu and sigma the moments of their logarithms."""
    rng = np.random.default_rng(1)
    labels = np.where(rng.random(500) < 0.3, rng.lognormal(3.0, 0.7, 500), 0.0)
    logs = np.log(labels[labels > 0])
    share, sigma = np.mean(labels > 0), logs.std()
    best = [np.log(share / (1 - share)), logs.mean(), np.log(np.expm1(sigma))]

    def mean(x):
        return jnp.mean(loss(jnp.broadcast_to(x, (500, 3)), labels))

    np.testing.assert_allclose(jax.grad(mean)(jnp.float32(best)), 0.0, atol=1e-5)


def test_a_task_of_this_kind_has_three_outputs_and_metrics_of_amounts():
    task = Task("spend", "ziln")
    assert (task.outputs, task.metrics) == (3, ("ziln_gini", "ziln_rmse"))
    with pytest.raises(ValueError, match="num_classes"):
        Task("spend", "ziln", num_classes=3)
