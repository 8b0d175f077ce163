"""Nash-MTL, the Nash bargaining solution (Navon et al. 2022)."""

import jax
import jax.numpy as jnp

from mtlx.balancers.base import (
    Number,
    choose,
    masked_gram,
    present_mask,
    require,
    stateless,
)
from mtlx.balancers.solvers_newton import fair_weights
from mtlx.types import Array, Balancer

ROUNDING = 1e-7  # of sums of float32 numbers, relative to their terms


def nash_mtl(max_norm: Number | None = 1.0, normalise: str = "frobenius") -> Balancer:
    """The direction whose gains log <g_i, d> add up to most: (G a)_i = 1 / a_i, a > 0.

    d = J^T a has <g_i, d> = 1 / a_i > 0, so it conflicts with no task, and |d|^2 = a^T
    G a = T. Its direction does not change where a loss is scaled, and for T = 2 it is
    the bisector of the gradients, a_i = 1 / (|g_i| sqrt(1 + cos)). The weights are a,
    times |G|_F^(1/2) and whatever clips d; their sum follows the gradients' size.

    Args:
        max_norm: |d| is clipped to it; None does not clip.
        normalise: "frobenius" solves for G / |G|_F, as the authors' code does, so that
            |d|^2 = T |G|_F before it is clipped; "none" takes G as it is, as in the
            paper.

    Raises:
        ValueError: an unknown option; `signals.gram` is None or misshapen.

    Reference: "Multi-Task Learning as a Bargaining Game", ICML 2022, Claim 3.1 and
    Algorithm 1. The authors' code clips the gradient of the shared parameters to norm 1
    and solves by a sequence of 20 convex programmes, here to float32 precision. With
    `max_norm` None and "none" it is the paper's rule as it stands. At a
    Pareto-stationary point no solution exists and |a| grows without bound; a ridge of
    1e-6 on the cosine matrix bounds it and leaves the direction alone, and d vanishes
    there. A task whose gradient is 0 gets weight 0.
    """
    choose("nash_mtl", "normalise", normalise, ("frobenius", "none"))

    def weigh(signals, key):
        del key
        require("nash_mtl", signals, "gram")
        gram = masked_gram(signals)
        weights = fair_weights(gram, present_mask(signals))
        if normalise == "frobenius":
            weights = weights * jnp.sqrt(_frobenius(gram))
        if max_norm is not None:
            weights = weights * _clip(_length(gram, weights), max_norm)
        return weights

    return stateless(weigh, frozenset({"gram"}))


def _frobenius(gram: Array) -> Array:
    """|G|_F, free of overflow."""
    largest = jnp.max(jnp.abs(gram))
    unit = gram / jnp.where(largest > 0, largest, 1.0)
    return largest * jnp.sqrt(jnp.sum(unit**2))


def _length(gram: Array, weights: Array) -> Array:
    """|J^T w|, or what rounding may hide of it where the gradients cancel."""
    image = jnp.matmul(gram, weights, precision=jax.lax.Precision.HIGHEST)
    parts = jnp.sum(weights * jnp.sqrt(jnp.maximum(jnp.diagonal(gram), 0.0)))
    return jnp.sqrt(jnp.maximum(jnp.sum(weights * image), ROUNDING * parts**2))


def _clip(length: Array, max_norm: Number) -> Array:
    return jnp.minimum(1.0, max_norm / jnp.where(length > 0, length, jnp.inf))
