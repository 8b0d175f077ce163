"""Constant weights: a preference between the tasks."""

import jax.numpy as jnp

from mtlx.balancers.base import PerTask, per_task, present_mask
from mtlx.types import Balancer


def constant(weights: PerTask = 1.0) -> Balancer:
    """Linear scalarisation: w_i as given, at every step.

    With weights tuned this is unitary scalarisation, the baseline that the method of
    every paper should beat; with one 1 among zeros, single-task learning. The weights
    are used as they are, not normalised: `equal` is `constant(1.0)`.

    Args:
        weights: w, one number for all tasks or one a task, in the order of the tasks.

    Raises:
        ValueError: (from `init`) a sequence that has not one number a task.

    Reference: Kurin, De Palma, Kostrikov, Whiteson & Kumar, "In Defense of the Unitary
    Scalarization for Deep Multi-Task Learning", NeurIPS 2022. Absent tasks get 0; the
    others keep their weights.
    """

    def init(num_tasks):
        per_task("weights", weights, num_tasks)  # a wrong length is refused now
        return ()

    def update(signals, state, *, key=None):
        del key
        present = present_mask(signals)
        chosen = per_task("weights", weights, present.size)
        return jnp.where(present, chosen, 0.0), state

    return Balancer(init, update)
