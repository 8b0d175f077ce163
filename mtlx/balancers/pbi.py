"""PBI, penalty-based boundary intersection (Zhang & Li 2007)."""

import jax.numpy as jnp

from mtlx.balancers.base import Number, PerTask, per_task, present_mask
from mtlx.types import Balancer

RESOLUTION = 1e-6  # of |L - z|: a shorter perpendicular part is rounding


def pbi(
    theta: Number = 5.0, preference: PerTask = 1.0, reference: PerTask = 0.0
) -> Balancer:
    """Go down along a ray of losses, and stay near it.

    With u = r / |r| and f = L - z, minimises d1 + theta d2, d1 = <f, u> the distance
    along the ray, d2 = |f - d1 u| that from it. The weights are its gradient, w = u +
    theta (f - d1 u) / d2, of norm sqrt(1 + theta^2) off the ray: a task whose loss is
    already low for the ray may get a negative weight, which raises it.

    Args:
        theta: the penalty, >= 0; 0 is the linear scalarisation with weights u.
        preference: r, one number or one a task, >= 0; one number is the diagonal, equal
            losses for all tasks.
        reference: the ideal point z, one number or one a task, below the losses.

    Raises:
        ValueError: (from `init`) a sequence that has not one number a task.

    Reference: "MOEA/D: A Multiobjective Evolutionary Algorithm Based on Decomposition",
    IEEE Trans. Evolutionary Computation 2007; there for minimisation without gradients,
    with theta = 5. On the ray, d2 <= 1e-6 |f|, d2 has no gradient and the second term
    is left out. A preference of zeros gives zeros.
    """

    def init(num_tasks):
        per_task("preference", preference, num_tasks)  # a wrong length is refused now
        per_task("reference", reference, num_tasks)
        return ()

    def update(signals, state, *, key=None):
        del key
        present = present_mask(signals)
        losses = jnp.asarray(signals.losses, jnp.float32)
        ray = jnp.where(present, per_task("preference", preference, losses.size), 0.0)
        length = jnp.linalg.norm(ray)
        unit = ray / jnp.where(length > 0, length, 1.0)
        ideal = per_task("reference", reference, losses.size)
        excess = jnp.where(present & (length > 0), losses - ideal, 0.0)
        across = excess - jnp.sum(excess * unit) * unit
        distance = jnp.linalg.norm(across)
        off = distance > RESOLUTION * jnp.linalg.norm(excess)
        pull = jnp.where(off, across / jnp.where(off, distance, 1.0), 0.0)
        return (unit + theta * pull).astype(jnp.float32), state

    return Balancer(init, update)
