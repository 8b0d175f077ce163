"""The multipliers of a direction that descends objectives under one constraint."""

import jax
import jax.numpy as jnp

from mtlx.balancers.base import Number
from mtlx.balancers.simplex import onto_simplex
from mtlx.types import Array, Bool, Float

ITERATIONS = 300  # accelerated projected gradient on T numbers


def multipliers(
    gram: Float[Array, "tasks tasks"],
    toward: Float[Array, "tasks"],
    size: Float[Array, ""],
    phi: Number,
    present: Bool[Array, "tasks"],
) -> Float[Array, "tasks"]:
    """lambda: argmin over the simplex of |F^T lambda + nu q|^2 / 2 - nu phi |q|^2.

    nu is its best value for lambda, so the gradient is F (F^T lambda + nu q). Projected
    gradient descent with Nesterov's momentum, restarted where it points uphill.

    Args:
        gram: F F^T.
        toward: F q.
        size: |q|^2.
        phi: see `forum`.
        present: tasks with False get 0.
    """
    norm = jnp.linalg.norm(gram)
    pace = 1.0 / jnp.where(norm > 0, norm, 1.0)

    def iterate(carry, _):
        point, ahead, count = carry
        nu = constraint_multiplier(ahead, toward, size, phi)
        slope = jnp.matmul(gram, ahead, precision=jax.lax.Precision.HIGHEST)
        new = onto_simplex(ahead - pace * (slope + nu * toward), present)
        count = jnp.where(jnp.sum((ahead - new) * (new - point)) > 0, 0.0, count + 1.0)
        return (new, new + count / (count + 3.0) * (new - point), count), None

    start = onto_simplex(jnp.zeros_like(toward), present)
    carry = (start, start, jnp.zeros((), jnp.float32))
    return jax.lax.scan(iterate, carry, length=ITERATIONS)[0][0]


def constraint_multiplier(
    weights: Float[Array, "tasks"], toward: Array, size: Array, phi: Number
) -> Float[Array, ""]:
    """nu: what <grad q, d> = phi |grad q|^2 takes, if d does not have it already."""
    short = phi * jnp.sum(weights) - jnp.sum(weights * toward) / jnp.where(
        size > 0, size, 1.0
    )
    return jnp.where(size > 0, jnp.maximum(short, 0.0), 0.0)
