"""Two bells whose front is concave, ParetoMTL's synthetic problem (Lin et al. 2019)."""

import jax
import jax.numpy as jnp

from mtlx.problems.base import Problem
from mtlx.types import Array, Float

__all__ = ["concave_front"]


def concave_front(dim: int = 20, num_starts: int = 8, seed: int = 0) -> Problem:
    """f_i = 1 - exp(-|x -+ 1 / sqrt(n)|^2): no linear scalarisation gets inside.

    The Pareto set is the segment between the two centres; along it f_1 = 1 - exp(-(s -
    1)^2), f_2 = 1 - exp(-(s + 1)^2), s = sqrt(n) x in [-1, 1]. In its middle the plain
    sum has a saddle; it ends next to a centre, with f = 0.002 and, for the other task,
    0.979. `front` is linear in its share, as it is no optimum of a weighting.

    Args:
        dim: n.
        num_starts: how many initial points, uniform in [-1/2, 1/2]^n.
        seed: draws them.

    Raises:
        ValueError: `dim` or `num_starts` is below 1.

    Reference: "Pareto Multi-Task Learning", NeurIPS 2019, section 5.1 (Fonseca &
    Fleming's problem); there 100 steps of length 1.
    """
    if dim < 1 or num_starts < 1:
        raise ValueError(
            f"concave_front: expected dim and num_starts of at least 1, found {dim} "
            f"and {num_starts}."
        )
    side = 1.0 / dim**0.5

    def losses(x: Float[Array, "n"]) -> Float[Array, "2"]:
        return 1.0 - jnp.exp(
            -jnp.stack([jnp.sum((x - side) ** 2), jnp.sum((x + side) ** 2)])
        )

    return Problem(
        name="concave_front",
        losses=losses,
        starts=jax.random.uniform(
            jax.random.key(seed), (num_starts, dim), minval=-0.5, maxval=0.5
        ),
        front=lambda share: jnp.full(dim, (2.0 * share - 1.0) * side),
        floor=jnp.zeros(2),
    )
