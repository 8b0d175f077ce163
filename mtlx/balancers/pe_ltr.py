"""PE-LTR, Pareto-efficient weights with lower bounds (Lin et al. 2019)."""

import jax
import jax.numpy as jnp

from mtlx.balancers.base import (
    PerTask,
    canonical_order,
    masked_gram,
    per_task,
    present_mask,
    require,
    stateless,
)
from mtlx.balancers.solvers import simplex_minimize
from mtlx.types import Array, Balancer

RIDGE = 1e-6  # of the diagonal, in the hessian only: damps the step, not the solution


def pe_ltr(lower_bounds: PerTask = 0.0) -> Balancer:
    """w = argmin |sum_i w_i g_i|^2 subject to sum_i w_i = 1, w_i >= c_i.

    MGDA with a least weight for each task, the say that it keeps in the sum of losses
    whatever its gradient: for T = 2, w_1 = clip((G22 - G12) / (G11 + G22 - 2 G12), c_1,
    1 - c_2). With no bounds it is MGDA; at sum_i c_i = 1 the weights are c. A direction
    with bounds may conflict with a task. With w = c + (1 - sum_i c_i) v, v is in the
    simplex, where the problem is solved to float32 precision.

    Args:
        lower_bounds: c >= 0, one number or one a task. Where those of the tasks present
            sum to more than 1, they are scaled to 1 and are the weights.

    Raises:
        ValueError: `lower_bounds` has not one number a task; `signals.gram` is None or
            misshapen.

    Reference: "A Pareto-Efficient Algorithm for Multiple Objective Optimization in
    E-Commerce Recommendation", RecSys 2019. Departure: there the problem without w >= c
    is solved in closed form, and its solution, which may have negative weights, is then
    moved to the nearest point that satisfies the constraints, a non-negative
    least-squares problem in the weights: an approximation, as the nearest point by
    weights is not that of the shortest direction. For T = 2 the two are the same.
    """

    def weigh(signals, key):
        del key
        require("pe_ltr", signals, "gram")
        present = present_mask(signals)
        gram = masked_gram(signals)
        bounds = per_task("lower_bounds", lower_bounds, present.size)
        bounds = jnp.where(present, jnp.maximum(bounds, 0.0), 0.0)
        bounds = bounds / jnp.maximum(jnp.sum(bounds), 1.0)
        order = canonical_order(gram)
        weights = _solve(gram[order][:, order], bounds[order], present[order])
        return weights[jnp.argsort(order)]

    return stateless(weigh, frozenset({"gram"}))


def _solve(gram: Array, bounds: Array, present: Array) -> Array:
    """c + room argmin_{v in simplex} (c + room v)^T G (c + room v)."""
    room = jnp.maximum(1.0 - jnp.sum(bounds), 0.0)
    trace = jnp.trace(gram)
    gram = gram / jnp.where(trace > 0, trace, 1.0)
    hessian = gram + RIDGE * jnp.diag(jnp.diagonal(gram))

    def expand(inside, dual, smoothing):
        del dual, smoothing
        weights = bounds + room * inside
        image = jnp.matmul(gram, weights, precision=jax.lax.Precision.HIGHEST)
        return image, room * hessian  # the gradient and hessian, both over `room`

    return bounds + room * simplex_minimize(expand, present)
