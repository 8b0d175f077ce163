"""Equal weights: the plain sum, or mean, of the losses."""

import jax.numpy as jnp

from mtlx.balancers.base import choose, present_mask, stateless
from mtlx.types import Balancer


def equal(reduction: str = "sum") -> Balancer:
    """Equal weighting: w_i = 1 ("sum") or 1 / T ("mean").

    The baseline, and the reference of the scale convention: the weights of "sum" are
    ones. "mean" divides by the number of tasks present in the batch.

    Args:
        reduction: "sum" or "mean".

    Raises:
        ValueError: another reduction.
    """
    choose("equal", "reduction", reduction, ("sum", "mean"))

    def weigh(signals, key):
        del key
        weights = present_mask(signals).astype(jnp.float32)
        if reduction == "mean":
            weights /= jnp.maximum(jnp.sum(weights), 1.0)
        return weights

    return stateless(weigh)
