"""Weights between bounds, and a direction of bounded length."""

import jax.numpy as jnp

from mtlx.balancers.base import Number, PerTask, per_task, present_mask, require
from mtlx.balancers.wrappers.inner import direction_norm, rescaled
from mtlx.types import Balancer


def clip(
    inner: Balancer,
    lower: PerTask = -jnp.inf,
    upper: PerTask = jnp.inf,
    max_norm: Number | None = None,
) -> Balancer:
    """The inner balancer's weights, clipped to [lower, upper], then scaled to a length.

    w = min(1, max_norm / |J^T v|) v with v_i = clip(inner_i, lower_i, upper_i). A clip
    does not keep the sum of the weights, nor what the inner method promises (that no
    task conflicts, say).

    Args:
        inner: the balancer.
        lower: one number or one a task; 0 forbids moving up a task's loss by its
            weight.
        upper: the same.
        max_norm: the most that |J^T w|, measured from the Gram matrix, may be; None
            leaves the length alone, and then no Gram matrix is needed.

    Raises:
        ValueError: a bound has not one number a task; the inner balancer returns a
            `Direction`; `signals.gram` is None or misshapen where it is needed.

    Reference: for `max_norm`, the step of Navon et al., "Multi-Task Learning as a
    Bargaining Game", ICML 2022, whose code clips the shared gradient to length 1.
    """

    def change(signals, weights):
        tasks = weights.size
        low, high = per_task("lower", lower, tasks), per_task("upper", upper, tasks)
        weights = jnp.where(present_mask(signals), jnp.clip(weights, low, high), 0.0)
        if max_norm is None:
            return weights
        require("clip", signals, "gram")
        length = direction_norm(signals, weights)
        longer = length > max_norm  # so not 0
        return weights * jnp.where(longer, max_norm / jnp.where(longer, length, 1), 1)

    needs = frozenset(() if max_norm is None else {"gram"})
    return rescaled("clip", inner, change, needs)
