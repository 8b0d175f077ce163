"""CAGrad-Fast, CAGrad on a few tasks and the mean of the rest (Liu et al. 2021)."""

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
from mtlx.balancers.cagrad import DualProblem, cagrad, solve_dual, unit_coefficients
from mtlx.balancers.wrappers import subsample
from mtlx.balancers.wrappers.subsample import draw
from mtlx.types import Array, Balancer


def cagrad_fast(
    gradients: Number = 4, c: Number = 0.5, variant: str = "paper"
) -> Balancer:
    """The best worst of a few gradients within a ball around the mean of all, g_0.

    As CAGrad, d = argmax_d min_j <h_j, d> subject to |d - g_0| <= c |g_0|, but the h_j
    are the gradients of a random set S of tasks, drawn anew each step, and the mean of
    the rest, (T g_0 - sum_{i in S} g_i) / (T - |S|). The constraint is CAGrad's, and
    with it the convergence to a minimum of the mean loss for c < 1. With `gradients` >=
    T it is CAGrad.

    Args:
        gradients: how many h_j, the mean of the rest included: |S| + 1.
        c: radius of the ball, relative to |g_0|; >= 0.
        variant: "paper", or "subset": CAGrad on S alone, |S| being `gradients`, with
            the mean of S for g_0 and weight 0 for the rest; that is
            `subsample(cagrad(c), gradients)`.

    Raises:
        ValueError: an unknown variant; `signals.gram` is None or misshapen; no key.

    Reference: "Conflict-Averse Gradient Descent for Multi-Task Learning", NeurIPS 2021,
    its section on the practical speedup; the authors' code for reinforcement learning
    has 4 gradients of 10 tasks and 8 of 50. Departure: what is saved there is the
    gradients of the rest; here the training step measures them all, as its program is
    fixed, so that only the statistics of the method are the same, not its cost.
    """
    choose("cagrad_fast", "variant", variant, ("paper", "subset"))
    if variant == "subset":
        return subsample(cagrad(c), gradients)

    def weigh(signals, key):
        require("cagrad_fast", signals, "gram", key=key)
        present = present_mask(signals)
        count = jnp.sum(present)
        drawn = draw(key, present, gradients - 1)
        members = jnp.where(count > gradients, drawn, present)
        rest = present & ~members
        # [T + 1, T], row j: the weights that make h_j of the gradients.
        mean_of_rest = rest / jnp.maximum(jnp.sum(rest), 1)
        rows = jnp.concatenate([jnp.diag(members * 1.0), mean_of_rest[None, :]])
        shown = jnp.concatenate([members, jnp.any(rest)[None]])
        mean = present / jnp.maximum(count, 1)
        return _weights(masked_gram(signals), rows, shown, mean, c)

    return stateless(weigh, frozenset({"gram", "key"}))


def _times(one: Array, other: Array) -> Array:
    return jnp.matmul(one, other, precision=jax.lax.Precision.HIGHEST)


def _weights(gram: Array, rows: Array, shown: Array, mean: Array, c: Number) -> Array:
    """CAGrad's weights for the gradients J of h = `rows` J and g_0 = J^T `mean`."""
    trace = jnp.trace(gram)
    gram = gram / jnp.where(trace > 0, trace, 1.0)
    onto_mean = _times(gram, mean)
    length = jnp.sqrt(jnp.maximum(jnp.sum(mean * onto_mean), 0.0))
    linear = _times(rows, onto_mean) / jnp.where(length > 0, length, 1.0)
    radius = jnp.asarray(c / (1.0 + c), jnp.float32)
    among = _times(_times(rows, gram), rows.T)
    problem = DualProblem(among, linear / (1.0 + c), radius)
    pull = unit_coefficients(solve_dual(problem, shown), problem)
    return mean + c * length * _times(pull, rows)
