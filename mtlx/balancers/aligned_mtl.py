"""Aligned-MTL, gradients of equal length at right angles (Senushkin et al. 2023)."""

import jax.numpy as jnp

from mtlx.balancers.base import (
    PerTask,
    canonical_order,
    choose,
    masked_gram,
    per_task,
    present_mask,
    require,
    stateless,
)
from mtlx.balancers.solvers_spectral import Spectrum, apply, inverse, spectrum
from mtlx.types import Array, Balancer


def aligned_mtl(scale: str = "min", preference: PerTask | None = None) -> Balancer:
    """Weights of the nearest gradients that do not interfere: w = B p.

    With G = V diag(lambda) V^T, B = sqrt(s) V diag(lambda)^(-1/2) V^T: the rows of B J
    are orthogonal and of norm sqrt(s), B G B = s I on the range of G. The direction is
    their combination p^T B J. For T = 1, w = p.

    Args:
        scale: s is the "min"imum of the eigenvalues, their "median" (the lower one of
            an even number), or "rmse", their mean, which is the root mean square of the
            singular values of J.
        preference: p, one number or one a task; None is 1 / T.

    Raises:
        ValueError: an unknown scale, a `preference` that has not one number a task, or
            `signals.gram` is None or misshapen.

    Reference: "Independent Component Alignment for Multi-Task Learning", CVPR 2023; s
    is the minimum there, and the authors' code has the others, with p = 1. Eigenvalues
    up to 2e-6 of the largest count as 0, which float32 cannot tell from it, and are
    left out of s too; so the least eigenvalue of a nearly singular G drops out of s at
    once. As G is taken as it is, a gradient below 1e-3 of the largest is lost, which no
    preference brings back.
    """
    choose("aligned_mtl", "scale", scale, ("min", "median", "rmse"))

    def weigh(signals, key):
        del key
        require("aligned_mtl", signals, "gram")
        gram, present = masked_gram(signals), present_mask(signals)
        count = jnp.maximum(jnp.sum(present), 1).astype(jnp.float32)
        shares = 1.0 / count if preference is None else preference
        wanted = per_task("preference", shares, present.size)
        order = canonical_order(gram)
        trace = jnp.trace(gram)
        unit = gram[order][:, order] / jnp.where(trace > 0, trace, 1.0)
        parts = spectrum(unit)
        balance = jnp.sqrt(_scale(parts, scale) * inverse(parts))
        weights = apply(parts, balance, jnp.where(present, wanted, 0.0)[order])
        return jnp.where(present, weights[jnp.argsort(order)], 0.0)

    return stateless(weigh, frozenset({"gram"}))


def _scale(parts: Spectrum, kind: str) -> Array:
    """s, from the kept eigenvalues; they ascend, so those are the last ones."""
    rank = jnp.sum(parts.kept)
    if kind == "rmse":
        total = jnp.sum(jnp.where(parts.kept, parts.values, 0.0))
        return total / jnp.maximum(rank, 1)
    first = parts.values.size - rank
    index = first if kind == "min" else first + (rank - 1) // 2
    return jnp.maximum(parts.values[jnp.minimum(index, parts.values.size - 1)], 0.0)
