"""PCGrad's illustration: two steep valleys that meet far away (Yu et al. 2020)."""

import math

import jax.numpy as jnp

from mtlx.problems.base import Problem
from mtlx.types import Array, Float

__all__ = ["pcgrad_landscape"]

HEIGHTS = (20.0, 25.0)
SMALLEST = 5e-6  # of |h|: where the logarithm is cut off


def pcgrad_landscape() -> Problem:
    """Plain descent on the sum gets lost in the valley of the first task.

    L_1 = 20 log max(|x_1 / 2 + tanh(x_2)|, 5e-6),
    L_2 = 25 log max(|x_1 / 2 - tanh(x_2) + 2|, 5e-6).

    Both valleys come together at x_1 = -2, x_2 -> infinity, and from x_2 = 6.8 on both
    losses are at their least there. On the floor of a valley the loss jumps by tens
    from step to step, so x and the other loss tell where a run is.

    Reference: "Gradient Surgery for Multi-Task Learning", NeurIPS 2020, figure 1: Adam,
    learning rate 1e-3, 500,000 steps from (0.5, -3), on the plain sum.
    """
    heights = jnp.array(HEIGHTS)

    def losses(x: Float[Array, "2"]) -> Float[Array, "2"]:
        half, rise = 0.5 * x[0], jnp.tanh(x[1])
        distances = jnp.abs(jnp.stack([half + rise, half - rise + 2.0]))
        return heights * jnp.log(jnp.maximum(distances, SMALLEST))

    return Problem(
        name="pcgrad_landscape",
        losses=losses,
        starts=jnp.array([[0.5, -3.0]]),
        floor=heights * math.log(SMALLEST) - 1.0,
    )
