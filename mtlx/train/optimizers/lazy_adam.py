"""Lazy Adam: moments of the rows that a batch reads."""

from typing import NamedTuple

import jax.numpy as jnp
import optax

from mtlx.train.optimizers.row_wise import RowRule, RowWise, rate_at, row_wise
from mtlx.types import Array

COUNTS = ("global", "row")


class AdamRows(NamedTuple):
    """Moments of the rows of a table."""

    mu: Array  # [R, D]
    nu: Array  # [R, D]
    count: Array | tuple[()]  # [R] int32, steps that read the row; () if not counted


def lazy_adam(
    learning_rate: optax.ScalarOrSchedule,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    bias_correction: str = "global",
    dense: optax.GradientTransformation | None = None,
) -> RowWise:
    """Adam whose embedding rows rest, moments included, while no batch reads them.

    For each row r that the batch reads, with g_r the sum over all its occurrences:
    m_r = b1 m_r + (1 - b1) g_r, v_r = b2 v_r + (1 - b2) g_r^2 and theta_r -= learning_
    rate * m_r^ / (sqrt(v_r^) + eps), hats for the division by 1 - b^k. A row that the
    batch does not read keeps theta_r, m_r and v_r bit for bit, where Adam would decay
    its moments and go on moving it. If every step reads every row this is Adam.

    Args:
        learning_rate: a number or a schedule.
        b1, b2, eps: of Adam.
        bias_correction: k of the hats: "global", the number of the step, as in
            TensorFlow's and PyTorch's lazy Adam; "row", how many steps have read row r,
            which takes the bias out for rows that are read late for the first time: by
            "global", their first step is (1 - b1) / sqrt(1 - b2) = 3.2 times as long
            at the default b1 and b2.
        dense: moves all other parameters; None: `optax.adam` of the same numbers.

    Raises:
        ValueError: an unknown bias_correction.

    Reference: Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015,
    Algorithm 1; the lazy form is that of `LazyAdam` (TensorFlow Addons) and
    `torch.optim.SparseAdam`, whose k is the step's.
    """
    if bias_correction not in COUNTS:
        raise ValueError(
            f"Optimizer 'lazy_adam': expected bias_correction to be one of {COUNTS}, "
            f"found {bias_correction!r}."
        )
    if dense is None:
        dense = optax.adam(learning_rate, b1, b2, eps)

    def init(table):
        by_row = bias_correction == "row"
        count = jnp.zeros(table.shape[:1], jnp.int32) if by_row else ()
        return AdamRows(jnp.zeros_like(table), jnp.zeros_like(table), count)

    def update(gradient, state, count):
        mu = b1 * state.mu + (1 - b1) * gradient
        nu = b2 * state.nu + (1 - b2) * jnp.square(gradient)
        seen = () if bias_correction == "global" else state.count + 1
        k = count if bias_correction == "global" else seen[:, None]
        m, v = mu / (1 - b1**k), nu / (1 - b2**k)
        step = -rate_at(learning_rate, count) * m / (jnp.sqrt(v) + eps)
        return step, AdamRows(mu, nu, seen)

    return row_wise(RowRule(init, update), dense)
