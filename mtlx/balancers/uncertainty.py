"""Uncertainty weighting (Kendall, Gal & Cipolla 2018)."""

from typing import Any, NamedTuple

import jax.numpy as jnp

from mtlx.balancers.base import Number, PerTask, per_task, present_mask
from mtlx.balancers.masked_adam import masked_adam
from mtlx.types import Array, Balancer


class UncertaintyState(NamedTuple):
    """Log-variances of the tasks and the state of their optimiser."""

    log_variances: Array  # [T] s
    adam: Any


def uncertainty(
    learning_rate: Number = 0.025, initial: PerTask = 0.0, coefficient: PerTask = 0.5
) -> Balancer:
    """Weights from the noise of each task, learned: w_i = k_i exp(-s_i).

    s_i = log sigma_i^2 minimises sum_i k_i exp(-s_i) L_i + s_i / 2 alongside the model,
    by Adam inside the balancer's state. Returned are the weights before the update of
    s. At rest e^{s_i} = 2 k_i L_i, so w_i = 1 / (2 L_i) whatever k_i is: k_i decides
    the way there. The weights' sum follows the losses.

    Args:
        learning_rate: Adam's, for s.
        initial: s at the start, one number or one a task.
        coefficient: k, one number or one a task: 1/2 is the Gaussian likelihood of a
            regression, 1 the softmax likelihood of a classification. Most public codes
            use 1/2 for all tasks, and so does the default.

    Raises:
        ValueError: (from `init`) a sequence that has not one number a task.

    Reference: "Multi-Task Learning Using Uncertainty to Weigh Losses for Scene Geometry
    and Semantics", CVPR 2018, eqs. 7 (regression) and 10 (with a classification). The
    paper trains s with the model's own optimiser; here it has its own, so that weight
    decay and schedules of the model do not leak onto s.
    """
    adam = masked_adam(learning_rate)

    def init(num_tasks):
        per_task("coefficient", coefficient, num_tasks)  # a wrong one is refused now
        log_variances = per_task("initial", initial, num_tasks)
        return UncertaintyState(log_variances, adam.init(log_variances))

    def update(signals, state, *, key=None):
        del key
        present = present_mask(signals)
        losses = jnp.asarray(signals.losses, jnp.float32)
        scale = per_task("coefficient", coefficient, losses.size)
        weights = scale * jnp.exp(-state.log_variances)
        gradient = 0.5 - weights * losses
        new = adam.update(gradient, state.adam, state.log_variances, present)
        return jnp.where(present, weights, 0.0), UncertaintyState(*new)

    return Balancer(init, update)
