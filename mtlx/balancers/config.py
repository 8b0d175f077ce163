"""ConFIG, a direction of equal cosines to all gradients (Liu, Chu & Thuerey 2025)."""

import jax
import jax.numpy as jnp

from mtlx.balancers.base import (
    canonical_order,
    choose,
    masked_gram,
    require,
    stateless,
)
from mtlx.balancers.solvers_spectral import Cosines, cosines, equal_cosines
from mtlx.types import Array, Balancer

LENGTHS = (
    "projection_sum",
    "minimum",
    "maximum",
    "arithmetic",
    "geometric",
    "harmonic",
)


def config(length: str = "projection_sum") -> Balancer:
    """d = l u, where u has the same cosine to all gradients and l = sum_i <g_i, u>.

    With unit gradients U, u = U^+ 1 / |U^+ 1|: w = l D^-1 v / sqrt(v^T C v), v = C^+ 1,
    for the cosines C and D = diag(|g_i|). Where C is regular the cosine is 1 / sqrt(1^T
    C^-1 1) > 0, so d conflicts with no task. The weights' sum follows the angles, w = 1
    for orthogonal gradients of equal norm.

    Args:
        length: the l_i of l = sum_i l_i cos(g_i, u): "projection_sum" |g_i|; or for all
            tasks alike the "minimum", "maximum", "arithmetic", "geometric" or
            "harmonic" mean of the |g_i|.

    Raises:
        ValueError: an unknown length; `signals.gram` is None or misshapen.

    Reference: "ConFIG: Towards Conflict-free Training of Physics Informed Neural
    Networks", ICLR 2025; the lengths other than the first are those of the authors'
    code. Its weights for the cosines are all 1 here. Eigenvalues of C up to 2e-6 of the
    largest count as 0. Where no direction has equal cosines, at a Pareto-stationary
    point above all, u is the nearest in least squares and may conflict, and d = 0 if
    C^+ 1 = 0. A task whose gradient is 0 gets weight 0 and has no part in l.
    """
    choose("config", "length", length, LENGTHS)

    def weigh(signals, key):
        del key
        require("config", signals, "gram")
        gram = masked_gram(signals)
        order = canonical_order(gram)
        weights = _solve(cosines(gram[order][:, order]), length)
        return weights[jnp.argsort(order)]

    return stateless(weigh, frozenset({"gram"}))


def _solve(angles: Cosines, kind: str) -> Array:
    solution = equal_cosines(angles)
    image = jnp.matmul(angles.matrix, solution, precision=jax.lax.Precision.HIGHEST)
    squared = jnp.sum(solution * image)
    # <g_i, u> / |g_i| is image_i / sqrt(squared), and so is u's own coefficient.
    lengths = jnp.sum(_lengths(angles, kind) * image)
    solved = squared > 0
    factor = jnp.where(solved, lengths / jnp.where(solved, squared, 1.0), 0.0)
    return factor * solution / angles.norms


def _lengths(angles: Cosines, kind: str) -> Array:
    """l_i."""
    there = angles.nonzero
    norms, count = jnp.where(there, angles.norms, 0.0), jnp.maximum(jnp.sum(there), 1)
    if kind == "projection_sum":
        return norms
    tracked = {
        "minimum": lambda: jnp.min(jnp.where(there, norms, jnp.inf)),
        "maximum": lambda: jnp.max(norms),
        "arithmetic": lambda: jnp.sum(norms) / count,
        # The norm of a zero gradient is put as 1 in `angles`.
        "geometric": lambda: jnp.exp(jnp.sum(jnp.log(angles.norms)) / count),
        "harmonic": lambda: count / jnp.sum(jnp.where(there, 1.0 / angles.norms, 0.0)),
    }[kind]()
    return jnp.where(there, tracked, 0.0)
