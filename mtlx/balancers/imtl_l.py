"""IMTL-L, impartial loss balance (Liu et al. 2021)."""

from typing import Any, NamedTuple

import jax.numpy as jnp

from mtlx.balancers.base import Number, PerTask, per_task, present_mask
from mtlx.balancers.masked_adam import masked_adam
from mtlx.types import Array, Balancer

LARGEST = 18.42  # e^s = 1e8: a loss of 0 would drive s to infinity


class IMTLLState(NamedTuple):
    """Logarithms of the weights and the state of their optimiser."""

    log_scales: Array  # [T] s
    adam: Any


def imtl_l(learning_rate: Number = 0.025, initial: PerTask = 0.0) -> Balancer:
    """Learned scales that even out the losses: w_i = exp(s_i).

    s minimises sum_i exp(s_i) L_i - s_i alongside the model, by Adam inside the
    balancer's state. Returned are the weights before the update of s. At rest exp(s_i)
    = 1 / L_i and all scaled losses are 1: `scale_invariant`, approached slowly, since
    log L = min_s exp(s) L - s - 1. The weights' sum follows the losses.

    Args:
        learning_rate: Adam's, for s.
        initial: s at the start, one number or one a task.

    Raises:
        ValueError: (from `init`) a sequence that has not one number a task.

    Reference: "Towards Impartial Multi-task Learning", ICLR 2021. The paper trains s
    with the model's own optimiser; here it has its own. `uncertainty` is this rule at s
    -> -s, up to a factor of 1/2. s stops at log 1e8, which a loss of 0 would exceed.
    """
    adam = masked_adam(learning_rate)

    def init(num_tasks):
        log_scales = per_task("initial", initial, num_tasks)
        return IMTLLState(log_scales, adam.init(log_scales))

    def update(signals, state, *, key=None):
        del key
        present = present_mask(signals)
        weights = jnp.exp(state.log_scales)
        gradient = weights * jnp.asarray(signals.losses, jnp.float32) - 1.0
        new, moments = adam.update(gradient, state.adam, state.log_scales, present)
        state = IMTLLState(jnp.minimum(new, LARGEST), moments)
        return jnp.where(present, weights, 0.0), state

    return Balancer(init, update)
