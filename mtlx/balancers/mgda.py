"""MGDA, the min-norm point of the gradients' convex hull (Sener & Koltun 2018)."""

import jax
import jax.numpy as jnp

from mtlx.balancers.base import (
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


def mgda(normaliser: str = "none") -> Balancer:
    """Multiple-gradient descent: w = v / s, v = argmin |sum_i v_i g_i / s_i|^2.

    v is in the simplex; with no normaliser (s = 1) the weights sum to 1. At the optimum
    (G w)_i >= w^T G w: the direction descends for every task, or w^T G w = 0 and the
    point is Pareto-stationary. For T = 2, w_1 = clip((G22 - G12) / (G11 + G22 - 2 G12),
    0, 1). A zero gradient makes w^T G w = 0 attainable, so its task takes all weight.

    Args:
        normaliser: s_i: "none" 1, "l2" |g_i|, "loss" L_i, "loss+" L_i |g_i|.

    Raises:
        ValueError: an unknown normaliser; `signals.gram` is None or misshapen.

    Reference: "Multi-Task Learning as Multi-Objective Optimization", NeurIPS 2018, eq.
    3 (Desideri 2012). Departures: the problem is solved to float32 precision by an
    interior point, where the paper's Algorithm 2 runs Frank-Wolfe; the weights are
    those of the raw gradients, v / s, so that the direction is the min-norm point of
    the normalised ones, where the authors' code applies v itself to the raw losses; an
    s_i that is not positive is taken as 1.
    """
    choose("mgda", "normaliser", normaliser, ("none", "l2", "loss", "loss+"))

    def weigh(signals, key):
        del key
        require("mgda", signals, "gram")
        present = present_mask(signals)
        gram = masked_gram(signals)
        scale = _scale(normaliser, gram, jnp.asarray(signals.losses, jnp.float32))
        gram = gram / scale[:, None] / scale[None, :]
        order = canonical_order(gram)
        solve = _min_norm_pair if present.size == 2 else _min_norm
        weights = solve(gram[order][:, order], present[order])
        return weights[jnp.argsort(order)] / scale

    return stateless(weigh, frozenset({"gram"}))


def _scale(normaliser: str, gram: Array, losses: Array) -> Array:
    """s [T]."""
    scale = jnp.ones_like(losses)
    if normaliser.startswith("loss"):
        scale = scale * losses
    if normaliser in ("l2", "loss+"):
        scale = scale * jnp.sqrt(jnp.maximum(jnp.diagonal(gram), 0.0))
    return jnp.where(scale > 0, scale, 1.0)


def _min_norm_pair(gram: Array, present: Array) -> Array:
    """Closed form for two tasks; each weight by its own quotient, not as 1 - other."""
    gap = gram[0, 0] + gram[1, 1] - 2.0 * gram[0, 1]
    above = jnp.diagonal(gram)[::-1] - gram[0, 1]
    inner = jnp.clip(above / jnp.where(gap > 0, gap, 1.0), 0.0, 1.0)
    both = jnp.where(gap > 0, inner, 0.5)
    return jnp.where(jnp.all(present), both, present.astype(jnp.float32))


def _min_norm(gram: Array, present: Array) -> Array:
    """argmin_{w in simplex} w^T G w."""
    trace = jnp.trace(gram)
    gram = gram / jnp.where(trace > 0, trace, 1.0)
    hessian = gram + RIDGE * jnp.diag(jnp.diagonal(gram))

    def expand(weights, dual, smoothing):
        del dual, smoothing
        return jnp.matmul(gram, weights, precision=jax.lax.Precision.HIGHEST), hessian

    return simplex_minimize(expand, present)
