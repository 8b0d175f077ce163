"""TorchJD's pairs of quadratics in the plane (Quinton & Rey 2024)."""

import jax.numpy as jnp

from mtlx.problems.base import Problem
from mtlx.types import Array, Float

__all__ = ["convex_quadratics", "elementwise_quadratics", "rotated_quadratics"]


def elementwise_quadratics() -> Problem:
    """EWQ, f_i = x_i^2: orthogonal gradients, and the Pareto set is the origin.

    On an axis one gradient is 0, and a method that gives its task all the weight stays
    there: the axes are weakly Pareto-stationary.

    Reference: "Jacobian Descent for Multi-Objective Optimization", arXiv:2406.16232;
    the trajectories of the authors' library: SGD, learning rate 0.075, 50 steps.
    """
    starts = ((3.0, -2.0), (0.0, -3.0), (-4.0, 4.0), (-3.0, 4.0), (-3.5, -0.75))
    shapes = ((1.0, 0.0), (0.0, 0.0)), ((0.0, 0.0), (0.0, 1.0))
    origin = (0.0, 0.0)
    return _problem("ewq", shapes, (origin, origin), starts)._replace(
        # One of x*(w)'s systems is singular at each end; all others give the origin.
        front=lambda share: jnp.zeros(2) * share
    )


def convex_quadratics() -> Problem:
    """CQF: long, slanted bowls around (1, 0) and (-1, 0), of condition some 27 and 47.

    Reference: as `elementwise_quadratics`; SGD, learning rate 0.125, 200 steps.
    """
    shapes = ((1.0, 0.2), (0.2, 0.05)), ((3.0, -0.6), (-0.6, 0.2))
    starts = ((0.5, 0.5), (-0.3, 7.0), (0.0, 0.0))
    return _problem("cqf", shapes, ((1.0, 0.0), (-1.0, 0.0)), starts)


def rotated_quadratics() -> Problem:
    """HQF: one shape around (1, 0) and, ten times as steep, around (-10, 0).

    Reference: as `elementwise_quadratics`; SGD, learning rate 0.005, 100 steps.
    """
    shape = ((2.0, -1.0), (-1.0, 2.0))
    steep = tuple(tuple(10.0 * entry for entry in row) for row in shape)
    starts = ((-6.0, 4.0), (-3.0, -1.5), (1.5, 2.0), (2.5, 5.5))
    return _problem("hqf", (shape, steep), ((1.0, 0.0), (-10.0, 0.0)), starts)


def _problem(name: str, shapes: tuple, centres: tuple, starts: tuple) -> Problem:
    """f_i = (x - u_i)^T A_i (x - u_i), A [2, 2, 2], u [2, 2].

    A strongly Pareto-stationary point for the weights w solves sum_i w_i A_i (x - u_i)
    = 0: the front is x*(w) = (sum_i w_i A_i)^-1 sum_i w_i A_i u_i, exactly.
    """
    shapes, centres = jnp.array(shapes), jnp.array(centres)

    def losses(x: Float[Array, "2"]) -> Float[Array, "2"]:
        gaps = x[None, :] - centres
        return jnp.einsum("ti,tij,tj->t", gaps, shapes, gaps)

    def front(share: Array) -> Float[Array, "2"]:
        weights = jnp.stack([share, 1.0 - share])
        matrix = jnp.einsum("t,tij->ij", weights, shapes)
        pull = jnp.einsum("t,tij,tj->i", weights, shapes, centres)
        (a, b), (c, d) = matrix
        rows = jnp.stack([d * pull[0] - b * pull[1], a * pull[1] - c * pull[0]])
        return rows / (a * d - b * c)

    return Problem(
        name=name,
        losses=losses,
        starts=jnp.array(starts),
        front=front,
        optimum=front(jnp.full((), 0.5)),
        floor=jnp.zeros(2),
    )
