"""Zero-inflated log-normal: amounts that are 0 for most rows, else of a heavy tail."""

import jax
import jax.numpy as jnp
import optax

from mtlx.types import Array, Float

OUTPUTS = 3  # of a row: logit of p, mu, and what sigma is the softplus of
# Below it the density of one amount outweighs all other rows; the published code's.
SMALLEST_SIGMA = 1e-7**0.5


def ziln_loss(
    outputs: Float[Array, "batch 3"], labels: Float[Array, "batch"]
) -> Float[Array, "batch"]:
    """-log likelihood of a purchase, and of its amount where there is one.

    For outputs (a, mu, c) of a row, with p = s(a), s the logistic function, and sigma =
    max(log(1 + e^c), 10^-3.5), an amount y >= 0 costs

        -log(1 - p)                                              where y = 0,
        -log p + log(y sigma sqrt(2 pi)) + (log y - mu)^2 / (2 sigma^2)    else.

    mu and sigma get no gradient from rows without an amount, and these no log of 0.

    Args:
        outputs: [B, 3].
        labels: [B] amounts, 0 or more, in any unit.

    Reference: Wang, Liu, Miao, "A Deep Probabilistic Model for Customer Lifetime Value
    Prediction", arXiv:1912.07753, "ZILN loss". The floor of sigma is that of their
    code, not of the paper.
    """
    logit, mu, sigma = _parameters(outputs)
    labels = labels.astype(jnp.float32)
    bought = labels > 0
    purchase = optax.sigmoid_binary_cross_entropy(logit, bought.astype(jnp.float32))
    # Replaced before the logarithm: a masked log 0 would reach the gradient as NaN.
    log_amount = jnp.log(jnp.where(bought, labels, 1.0))
    amount = (
        log_amount
        + jnp.log(sigma)
        + 0.5 * jnp.log(2 * jnp.pi)
        + 0.5 * jnp.square((log_amount - mu) / sigma)
    )
    return purchase + jnp.where(bought, amount, 0.0)


def ziln_mean(outputs: Float[Array, "batch 3"]) -> Float[Array, "batch"]:
    """The expected amount of a row, p exp(mu + sigma^2 / 2).

    Args:
        outputs: as in `ziln_loss`.
    """
    logit, mu, sigma = _parameters(outputs)
    return jax.nn.sigmoid(logit) * jnp.exp(mu + 0.5 * jnp.square(sigma))


def _parameters(outputs: Array) -> tuple[Array, Array, Array]:
    logit, mu, raw = jnp.moveaxis(outputs.astype(jnp.float32), -1, 0)
    return logit, mu, jnp.maximum(jax.nn.softplus(raw), SMALLEST_SIGMA)
