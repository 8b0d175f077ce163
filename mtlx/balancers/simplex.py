"""Task weights that take steps on the simplex, with absent tasks left out."""

from collections.abc import Callable

import jax.numpy as jnp
from optax.projections import projection_simplex

from mtlx.balancers.base import Signals, present_mask, require
from mtlx.types import Array, Bool, Float

__all__ = ["masked_cross_gram", "onto_simplex", "step_on_simplex"]

PROJECTIONS = ("simplex", "softmax")


def masked_cross_gram(name: str, signals: Signals) -> Float[Array, "tasks tasks"]:
    """J_1 J_2^T in float32, zero in the rows and columns of absent tasks.

    Raises:
        ValueError: it is None, or has not one row and one column a task.
    """
    require(name, signals, "cross_gram")
    present = present_mask(signals)
    if jnp.shape(signals.cross_gram) != (present.size, present.size):
        raise ValueError(
            f"Balancer {name!r} expected a cross-Gram matrix of shape "
            f"{(present.size, present.size)}, one row a loss, found "
            f"{jnp.shape(signals.cross_gram)}. Measure J_1 J_2^T over the same tasks "
            f"as `losses`."
        )
    both = present[:, None] & present[None, :]
    return jnp.where(both, jnp.asarray(signals.cross_gram, jnp.float32), 0.0)


def onto_simplex(
    values: Float[Array, "tasks"], present: Bool[Array, "tasks"], kind: str = "simplex"
) -> Float[Array, "tasks"]:
    """The nearest point of the simplex of the tasks present, or their softmax.

    Zeros if none is present. Values may be of any size: those further than 1 below the
    largest get 0, so they are cut there, where float32 still resolves the sum of 1.
    """
    largest = jnp.max(jnp.where(present, values, -jnp.inf))
    below = jnp.where(present, values - largest, -jnp.inf)
    if kind == "softmax":
        shares = jnp.exp(below)
        return shares / jnp.maximum(jnp.sum(shares), 1.0)
    return jnp.where(present, projection_simplex(jnp.maximum(below, -2.0)), 0.0)


def step_on_simplex(
    weights: Float[Array, "tasks"],
    present: Bool[Array, "tasks"],
    step: Callable[[Array], Array],
) -> tuple[Float[Array, "tasks"], Float[Array, "tasks"]]:
    """`step` for the weights of the tasks present, as if there were no others.

    Args:
        weights: on the simplex of all tasks.
        present: those with rows in this batch.
        step: weights on the simplex of the tasks present -> the same, moved.

    Returns:
        The moved weights, which sum to 1, and the new weights of all tasks: absent ones
        keep theirs, and the others share what is left. Where nothing is left the tasks
        present start alike.
    """
    count = jnp.maximum(jnp.sum(present), 1)
    mass = jnp.sum(jnp.where(present, weights, 0.0))
    shares = jnp.where(mass > 0, weights / jnp.where(mass > 0, mass, 1.0), 1.0 / count)
    moved = jnp.where(present, step(jnp.where(present, shares, 0.0)), 0.0)
    return moved, jnp.where(present, mass * moved, weights)
