"""Row-wise Adagrad: one accumulator for each embedding row."""

import jax
import jax.numpy as jnp
import optax

from mtlx.train.optimizers.row_wise import RowRule, RowWise, rate_at, row_wise


def rowwise_adagrad(
    learning_rate: optax.ScalarOrSchedule,
    initial_accumulator_value: float = 0.1,
    eps: float = 1e-7,
    dense: optax.GradientTransformation | None = None,
) -> RowWise:
    """Adagrad with one step size a row of an embedding table, 1 / D of its memory.

    For each row r that the batch reads, with g_r [D] the sum over all its occurrences:
    a_r += mean_d g_rd^2 and theta_r -= learning_rate * g_r / sqrt(a_r + eps). Other
    rows stay as they are, as with Adagrad itself: their gradient is zero.

    Args:
        learning_rate: a number or a schedule.
        initial_accumulator_value: a_r before the first step.
        eps: keeps the division finite.
        dense: moves all other parameters; None: `optax.adagrad` of the same numbers.

    Reference: Mudigere et al., "Software-Hardware Co-design for Fast and Scalable
    Training of Deep Learning Recommendation Models", ISCA 2022, row-wise sparse
    Adagrad. eps is inside the root and a_r starts above 0 as in `optax.adagrad`, so
    that a table of width 1 is trained as by that.
    """
    if dense is None:
        dense = optax.adagrad(learning_rate, initial_accumulator_value, eps)

    def init(table):
        return jnp.full(table.shape[:1], initial_accumulator_value, jnp.float32)

    def update(gradient, state, count):
        state = state + jnp.mean(jnp.square(gradient), axis=1)
        scale = jax.lax.rsqrt(state + eps)[:, None]
        return -rate_at(learning_rate, count) * scale * gradient, state

    return row_wise(RowRule(init, update), dense)
