"""CAGrad, conflict-averse gradient descent (Liu et al. 2021)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtlx.balancers.base import (
    Number,
    canonical_order,
    choose,
    masked_gram,
    present_mask,
    require,
    stateless,
)
from mtlx.balancers.solvers import simplex_minimize
from mtlx.types import Array, Balancer

RIDGE = 1e-6  # of the diagonal, in the hessian only: damps the step, not the solution
FAR = 1e30  # beyond either end of the simplex
RESOLUTION = 1e-3  # of |g_v| / sum_i v_i |g_i|: a float32 Gram has squares to 1e-7
SMOOTHED = 1e-4  # the same, within the solver: near 0 it works on sqrt(|g_v|^2 + m^2)


def cagrad(c: Number = 0.5, rescale: int = 0) -> Balancer:
    """The best worst task within a ball around the mean gradient g_0.

    d = argmax_d min_i <g_i, d> subject to |d - g_0| <= c |g_0|, by its dual: d = g_0 +
    c |g_0| g_w / |g_w|, g_w = J^T v, v = argmin_{v in simplex} <g_v, g_0> + c |g_0|
    |g_v|; so w = 1 / T + c |g_0| v / |g_w|, and the weights sum to 1 + c |g_0| / |g_w|.
    c = 0 is the mean gradient, c >= 1 does not conflict with any task, and c -> inf
    points along MGDA's direction.

    Args:
        c: radius of the ball, relative to |g_0|; >= 0.
        rescale: divides the weights by 1 (0), 1 + c^2 (1) or 1 + c (2); public codes
            differ, the paper's Algorithm 1 has none.

    Raises:
        ValueError: an unknown `rescale`; `signals.gram` is None or misshapen.

    Reference: "Conflict-Averse Gradient Descent for Multi-Task Learning", NeurIPS 2021,
    Algorithm 1. Solved to float32 precision: in closed form for T = 2, else by an
    interior point. At a Pareto-stationary point g_w = 0 and g_w / |g_w| is undefined;
    where |g_w| <= 1e-3 sum_i v_i |g_i|, which a float32 Gram can hardly tell from 0,
    the term is left out and the direction is g_0.
    """
    choose("cagrad", "rescale", rescale, (0, 1, 2))

    def weigh(signals, key):
        del key
        require("cagrad", signals, "gram")
        gram = masked_gram(signals)
        order = canonical_order(gram)
        present = present_mask(signals)[order]
        count = jnp.maximum(jnp.sum(present), 1).astype(jnp.float32)
        problem, length = _pose(gram[order][:, order], count, c)
        solve = _solve_pair if present.size == 2 else solve_dual
        pull = unit_coefficients(solve(problem, present), problem)
        weights = jnp.where(present, 1.0 / count, 0.0) + c * length * pull
        return weights[jnp.argsort(order)] / (1.0, 1.0 + c**2, 1.0 + c)[rescale]

    return stateless(weigh, frozenset({"gram"}))


class DualProblem(NamedTuple):
    """min_{v in simplex} linear^T v + radius sqrt(v^T gram v)."""

    gram: Array  # [T, T], of trace 1
    linear: Array  # [T]
    radius: Array  # []


def _pose(gram: Array, count: Array, c: Number) -> tuple[DualProblem, Array]:
    """The dual problem scaled to order 1, and |g_0| in the same units."""
    trace = jnp.trace(gram)
    gram = gram / jnp.where(trace > 0, trace, 1.0)
    onto_mean = jnp.sum(gram, axis=1) / count
    length = jnp.sqrt(jnp.maximum(jnp.sum(onto_mean) / count, 0.0))
    linear = onto_mean / jnp.where(length > 0, length, 1.0)
    radius = jnp.asarray(c / (1.0 + c), jnp.float32)
    return DualProblem(gram, linear / (1.0 + c), radius), length


def _times(matrix: Array, vector: Array) -> Array:
    return jnp.matmul(matrix, vector, precision=jax.lax.Precision.HIGHEST)


def _norms(problem: DualProblem) -> Array:
    return jnp.sqrt(jnp.maximum(jnp.diagonal(problem.gram), 0.0))


def unit_coefficients(simplex: Array, problem: DualProblem) -> Array:
    """v / |g_v|, or 0 where |g_v| is below what float32 resolves."""
    norms = _norms(problem)
    squared = jnp.maximum(jnp.sum(simplex * _times(problem.gram, simplex)), 0.0)
    length = jnp.sqrt(squared)
    resolved = length > RESOLUTION * jnp.sum(simplex * norms)
    # A zero gradient adds nothing to the direction: its huge coefficient is left out.
    kept = resolved & (norms > 0)
    return jnp.where(kept, simplex / jnp.where(resolved, length, 1.0), 0.0)


def _solve_pair(problem: DualProblem, present: Array) -> Array:
    """Closed form for two tasks.

    |g_v|^2 = A t^2 + h along the line v = foot + (t, -t), with A = |g_1 - g_2|^2 and h
    the squared distance of the line from 0. The derivative beta + radius A t / |g_v|
    is 0 at t = -beta sqrt(h / (A (radius^2 A - beta^2))), or nowhere.
    """
    (g11, g12), (_, g22) = problem.gram
    gap = g11 + g22 - 2.0 * g12
    safe = jnp.where(gap > 0, gap, 1.0)
    foot = jnp.stack([g22 - g12, g11 - g12]) / safe
    height = jnp.maximum(g11 * g22 - g12**2, 0.0) / safe
    beta = problem.linear[0] - problem.linear[1]
    curvature = problem.radius**2 * safe - beta**2
    reach = jnp.sqrt(height / (safe * jnp.where(curvature > 0, curvature, 1.0)))
    t = jnp.where(curvature > 0, -beta * reach, -jnp.sign(beta) * FAR)
    inner = jnp.clip(foot + jnp.stack([t, -t]), 0.0, 1.0)
    both = jnp.where(gap > 0, inner, 0.5)
    return jnp.where(jnp.all(present), both, present.astype(jnp.float32))


def solve_dual(problem: DualProblem, present: Array) -> Array:
    """Interior point; |g_v| is treated as in the minimisation of a sum of norms.

    Its gradient u = g_v / |g_v| turns fast near g_v = 0, so u is a variable of its own,
    |u| <= 1, held by coefficients of the gradients (Andersen, Christiansen, Conn &
    Overton, SIAM J. Sci. Comput. 2000).
    """
    gram, linear, radius = problem
    norms = _norms(problem)
    ridged = gram + RIDGE * jnp.diag(jnp.diagonal(gram))

    def smooth(simplex, smoothing):
        image = _times(gram, simplex)
        floor = jnp.maximum(SMOOTHED * jnp.sum(simplex * norms), 1e-12)
        floor = jnp.maximum(smoothing / jnp.maximum(radius, 1e-6), floor)
        return image, jnp.sqrt(jnp.maximum(jnp.sum(simplex * image), 0.0) + floor**2)

    def expand(simplex, unit, smoothing):
        image, norm = smooth(simplex, smoothing)
        cross = jnp.outer(_times(gram, unit), image / norm)
        hessian = radius / norm * (ridged - 0.5 * (cross + cross.T))
        return linear + radius / norm * image, hessian

    def advance(simplex, step, unit, smoothing, length):
        image, norm = smooth(simplex, smoothing)
        turned = (simplex + step) / norm - unit * (1 + jnp.sum(image * step) / norm**2)
        unit = unit + length * turned
        size = jnp.sqrt(jnp.maximum(jnp.sum(unit * _times(gram, unit)), 0.0))
        return unit / jnp.maximum(size, 1.0)

    start = jnp.zeros_like(linear)
    return simplex_minimize(expand, present, advance=advance, dual=start)
