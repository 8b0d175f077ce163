"""What a closed-form problem is."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtlx.types import Array, Float

__all__ = ["Problem", "distance_to_front", "lifted"]

GRID, ROUNDS = 129, 5  # the last grid is finer than float32 resolves


class Problem(NamedTuple):
    """T losses of one point, and what is known about them beforehand.

    `front` parametrises the Pareto set, a curve for T = 2, by the share w of the first
    task: `front(w [])` is the point that is best for a weighting with that share, with
    front(0) the optimum of the second task and front(1) that of the first.
    """

    name: str
    losses: Callable[[Array], Array]  # x [n] -> [T]
    starts: Array  # [S, n] where the published runs begin
    front: Callable[[Array], Array] | None = None  # w [] in [0, 1] -> x [n]
    optimum: Array | None = None  # [n] minimiser of the plain sum; None: not one point
    floor: Array | None = None  # [T] below every value of the losses

    @property
    def num_tasks(self) -> int:
        return jax.eval_shape(self.losses, self.starts[0]).shape[0]


def lifted(problem: Problem) -> Problem:
    """The same problem with losses from 0 upwards, `losses - floor`.

    Gradients are the same, so a method that looks at the Gram matrix alone makes the
    same steps. One that takes logarithms or ratios of the losses cannot do without.

    Raises:
        ValueError: the problem has no floor.
    """
    if problem.floor is None:
        raise ValueError(
            f"Expected a problem with a floor, found {problem.name!r} without one. "
            f"Give it a bound that lies below every loss."
        )
    zero = jnp.zeros_like(problem.floor)
    return problem._replace(
        losses=lambda x: problem.losses(x) - problem.floor, floor=zero
    )


def distance_to_front(problem: Problem, x: Float[Array, "n"]) -> Float[Array, ""]:
    """min_w |x - front(w)|, to float32's resolution of the curve.

    A grid over the curve, and finer and finer grids around the best point so far.

    Raises:
        ValueError: the problem's front is not known.
    """
    if problem.front is None:
        raise ValueError(
            f"Expected a problem whose Pareto set is a known curve, found "
            f"{problem.name!r}, which has no `front`."
        )
    best = _nearest(problem, x)
    return jnp.linalg.norm(x - problem.front(best))


def _nearest(problem: Problem, x: Array) -> Array:
    """The w of the nearest point."""

    def zoom(centre, radius):
        shares = jnp.clip(centre + radius * jnp.linspace(-1.0, 1.0, GRID), 0.0, 1.0)
        gaps = jax.vmap(problem.front)(shares) - x[None, :]
        return shares[jnp.argmin(jnp.sum(gaps**2, axis=1))]

    radii = 0.5 * (4.0 / GRID) ** jnp.arange(ROUNDS)
    middle = jnp.full((), 0.5)
    return jax.lax.scan(lambda w, r: (zoom(w, r), None), middle, radii)[0]
