"""ExcessMTL, robust multi-task learning with excess risks (He et al. 2024)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtlx.balancers.base import Number, choose, present_mask
from mtlx.balancers.stacked import masked_grads, zeros
from mtlx.types import Array, Balancer, PyTree

EPSILON = 1e-7  # under the root, as in the authors' code


class ExcessMTLState(NamedTuple):
    """Sums of squared gradients, excess risks to compare with, and weights."""

    squares: PyTree  # each leaf [T, ...], S
    baseline: Array  # [T] mean excess risk of the warm-up
    seen: Array  # [T] int32, batches that a task took part in
    logits: Array  # [T] log p


def excess_mtl(
    step_size: Number = 1e-2, warmup: Number = 1, variant: str = "libmtl"
) -> Balancer:
    """More weight to the tasks that are still far from their own optimum.

    S_i += g_i^2 and the excess risk is estimated by e_i = sum_k g_ik^2 / sqrt(S_ik +
    1e-7), a Newton decrement with AdaGrad's diagonal for a Hessian. Relative to its
    value at the start, r_i = e_i / e_i(0), it drives an exponentiated ascent: p_i <-
    p_i exp(step_size r_i), normalised. A task's loss scale cancels in r_i, up to the
    1e-7.

    Args:
        step_size: of the ascent; 1e-2 in LibMTL, 1 in the authors' runs.
        warmup: of how many of a task's first batches e_i(0) is the mean; r_i = 1 in
            them, so that p stays uniform where all tasks start together. The paper
            takes 3 epochs, its code and LibMTL the first batch.
        variant: "libmtl": the weights sum to T; "paper": to 1, p being on the simplex.

    Raises:
        ValueError: an unknown variant; `signals.grads` is None, or a leaf has not one
            row a task.

    Reference: "Robust Multi-Task Learning with Excess Risks", ICML 2024. A task whose
    e_i(0) is 0 keeps r_i = 1. Log-weights are what is stored, so that no ratio
    overflows. Absent tasks keep their weight, and the others share what is left.
    """
    choose("excess_mtl", "variant", variant, ("libmtl", "paper"))

    def init(num_tasks, shared):
        return ExcessMTLState(
            squares=zeros(num_tasks, shared),
            baseline=jnp.zeros(num_tasks, jnp.float32),
            seen=jnp.zeros(num_tasks, jnp.int32),
            logits=jnp.zeros(num_tasks, jnp.float32),
        )

    def update(signals, state, *, key=None):
        del key
        grads, present = masked_grads("excess_mtl", signals), present_mask(signals)
        squares = jax.tree.map(lambda s, g: s + g**2, state.squares, grads)
        risk = _excess_risk(grads, squares, present)
        seen = state.seen + present
        warm = seen <= warmup
        mean = state.baseline + (risk - state.baseline) / jnp.maximum(seen, 1)
        baseline = jnp.where(warm & present, mean, state.baseline)
        known = ~warm & (baseline > 0)
        ratio = jnp.where(known, risk / jnp.where(known, baseline, 1.0), 1.0)
        moved = state.logits + step_size * ratio
        moved += _log_sum(state.logits, present) - _log_sum(moved, present)
        logits = jnp.where(present, moved, state.logits)
        shares = jnp.exp(
            jnp.where(present, logits, -jnp.inf) - _log_sum(logits, present)
        )
        total = jnp.sum(present) if variant == "libmtl" else 1.0
        return total * shares, ExcessMTLState(squares, baseline, seen, logits)

    return Balancer(init, update, frozenset({"grads"}))


def _excess_risk(grads: PyTree, squares: PyTree, present: Array) -> Array:
    """e [T]."""
    risk = jnp.zeros(present.shape, jnp.float32)
    for g, s in zip(jax.tree.leaves(grads), jax.tree.leaves(squares), strict=True):
        # Multiplied as g (g / root): a square alone loses small gradients.
        terms = g * (g / jnp.sqrt(s + EPSILON))
        risk += jnp.sum(terms, axis=tuple(range(1, g.ndim)))
    return risk


def _log_sum(logits: Array, present: Array) -> Array:
    """log of the sum of the weights present; 0 where there is none."""
    total = jax.nn.logsumexp(jnp.where(present, logits, -jnp.inf))
    return jnp.where(jnp.any(present), total, 0.0)
