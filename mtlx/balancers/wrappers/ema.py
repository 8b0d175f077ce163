"""Weights averaged over the steps (CR-MOGM, Zhou et al. 2022)."""

from typing import NamedTuple

import jax.numpy as jnp

from mtlx.balancers.base import Number, PerTask, per_task, present_mask
from mtlx.balancers.wrappers.inner import decide
from mtlx.types import Array, Balancer, PyTree


class EmaState(NamedTuple):
    """The averages, and the inner balancer's state."""

    average: Array  # [T]
    known: Array  # [T] bool, a weight has been averaged
    inner: PyTree


def ema(
    inner: Balancer, decay: Number = 0.9, initial: PerTask | None = None
) -> Balancer:
    """w_k = decay w_{k-1} + (1 - decay) v_k, v_k being the inner balancer's weights.

    A linear mean of points of a convex set stays in it: weights of the simplex keep
    their sum. An absent task keeps its average.

    Args:
        inner: the balancer.
        decay: in [0, 1); 0 is the inner balancer itself.
        initial: w_0, one number or one a task. None takes each task's first v, so that
            the average has the scale of the inner weights from the start; public code
            has 1 / T.

    Raises:
        ValueError: the inner balancer returns a `Direction`, or (from `init`) `initial`
            has not one number a task.

    Reference: CR-MOGM in Zhou et al., "On the Convergence of Stochastic Multi-Objective
    Gradient Manipulation and Beyond", NeurIPS 2022. Their analysis lets the decay grow
    to 1 as the learning rate falls; here it is constant.
    """

    def init(num_tasks, *shared):
        start = per_task("initial", 0.0 if initial is None else initial, num_tasks)
        known = jnp.full(num_tasks, initial is not None)
        return EmaState(start, known, inner.init(num_tasks, *shared))

    def update(signals, state, *, key=None):
        present = present_mask(signals)
        weights, after = decide("ema", inner, signals, state.inner, key)
        mixed = decay * state.average + (1.0 - decay) * weights
        new = jnp.where(state.known, mixed, weights)
        average = jnp.where(present, new, state.average)
        state = EmaState(average, state.known | present, after)
        return jnp.where(present, average, 0.0), state

    def observe(losses, state):
        return state._replace(inner=inner.observe(losses, state.inner))

    return Balancer(init, update, inner.needs, inner.observe and observe)
