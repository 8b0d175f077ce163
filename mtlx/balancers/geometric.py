"""Geometric loss strategy, GLS (Chennupati et al. 2019)."""

import jax.numpy as jnp

from mtlx.balancers.base import positive_losses, present_mask, stateless
from mtlx.types import Balancer


def geometric() -> Balancer:
    """Minimise the geometric mean M = (prod_i L_i)^(1/T): w_i = M / (T L_i).

    The direction is that of `scale_invariant`, log M's gradient, times M: steps shrink
    as the losses do. w_i L_i = M / T for all tasks, so that sum_i w_i L_i = M.

    Reference: "MultiNet++: Multi-Stream Feature Aggregation and Geometric Loss Strategy
    for Multi-Task Learning", CVPR Workshops 2019. Computed from logarithms: the product
    of the losses of many tasks leaves float32. A loss below 1e-8, zero and negative
    ones too, counts as 1e-8; T and M are those of the tasks present.
    """

    def weigh(signals, key):
        del key
        present = present_mask(signals)
        count = jnp.maximum(jnp.sum(present), 1)
        logs = jnp.log(positive_losses(signals))  # 0 for absent tasks
        weights = jnp.exp(jnp.sum(logs) / count - logs) / count
        return jnp.where(present, weights, 0.0)

    return stateless(weigh)
