"""COSMOS, a linear scalarisation with a cosine penalty (Ruchte & Grabocka 2021)."""

import jax.numpy as jnp

from mtlx.balancers.base import Number, PerTask, per_task, present_mask
from mtlx.types import Balancer


def cosmos(coefficient: Number = 2.0, preference: PerTask | None = None) -> Balancer:
    """Minimise sum_i r_i L_i - coefficient cos(r, L).

    The cosine keeps the losses near the ray r, where a linear scalarisation slides to
    an end of the front. The weights are the gradient, w = r - coefficient (r / |r| -
    cos(r, L) L / |L|) / |L|; they may be negative.

    Args:
        coefficient: of the cosine, lambda in the paper, whose experiments use 0.01 to
            8 and, for MultiMNIST, 2; 0 is `constant(preference)`.
        preference: r, one number or one a task, >= 0; None is 1 / T.

    Raises:
        ValueError: (from `init`) a sequence that has not one number a task.

    Reference: "Scalable Pareto Front Approximation for Deep Multi-Objective Learning",
    ICDM 2021. The paper draws r anew at every step and gives it to the model as an
    input, so that one model holds the whole front; this is its objective alone, for a
    fixed r. Where all losses, or all of r, are 0 the cosine is left out.
    """

    def chosen(num_tasks, even):
        value = even if preference is None else preference
        return per_task("preference", value, num_tasks)

    def init(num_tasks):
        chosen(num_tasks, 1.0)  # a wrong length is refused now
        return ()

    def update(signals, state, *, key=None):
        del key
        present = present_mask(signals)
        even = 1.0 / jnp.maximum(jnp.sum(present), 1)
        ray = jnp.where(present, chosen(present.size, even), 0.0)
        losses = jnp.where(present, jnp.asarray(signals.losses, jnp.float32), 0.0)
        length, size = jnp.linalg.norm(ray), jnp.linalg.norm(losses)
        defined = (length > 0) & (size > 0)
        unit = ray / jnp.where(defined, length, 1.0)
        size = jnp.where(defined, size, 1.0)
        cosine = jnp.sum(unit * losses) / size
        turn = jnp.where(defined, (unit - cosine * losses / size) / size, 0.0)
        return (ray - coefficient * turn).astype(jnp.float32), state

    return Balancer(init, update)
