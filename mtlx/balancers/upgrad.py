"""UPGrad, unconflicting projection of gradients (Quinton & Rey 2024)."""

import jax.numpy as jnp

from mtlx.balancers.base import (
    Number,
    PerTask,
    choose,
    masked_gram,
    per_task,
    present_mask,
    require,
    stateless,
)
from mtlx.balancers.solvers_cone import project_onto_dual_cone, regularise
from mtlx.types import Balancer


def upgrad(
    norm_eps: Number = 1e-4,
    reg_eps: Number = 1e-4,
    preference: PerTask | None = None,
    ridge: str = "identity",
) -> Balancer:
    """Project each gradient onto the dual cone of all of them, then average.

    w = sum_i p_i v^(i), v^(i) = argmin_{v >= e_i} v^T (G / tr(G) + reg_eps I) v: up to
    the ridge, J^T v^(i) is the point nearest to g_i in {d : <g_j, d> >= 0 for all j}.
    So w >= p, w = p without conflict, and no task is in conflict with the direction,
    which is linear in the length of each gradient while the angles stay. For T = 2 and
    no ridge it is PCGrad's, times p = 1 / T.

    Args:
        norm_eps: where tr(G), the sum of the squared norms, is below it, G counts as 0
            and w = p. 0 has no such floor.
        reg_eps: the ridge. It keeps the projection of dependent gradients unique; with
            a larger one conflicts may remain.
        preference: p >= 0, one number or one a task; None is 1 / T, T being the tasks
            present.
        ridge: "identity", that of the authors' code, or "diagonal", reg_eps diag(G) in
            its place. A gradient much shorter than the others, |g_i|^2 < reg_eps tr(G),
            is drowned by the former and may be left in conflict; with the latter the
            weights depend on angles alone.

    Raises:
        ValueError: an unknown `ridge`; `preference` has not one number a task;
            `signals.gram` is None or misshapen.

    Reference: "Jacobian Descent for Multi-Objective Optimization", arXiv:2406.16232,
    2024, the aggregator UPGrad; both eps as in the authors' library. The T quadratic
    programs are solved at once on the device, by interior points in float32, where the
    library calls a host solver for each.
    """
    choose("upgrad", "ridge", ridge, ("identity", "diagonal"))

    def weigh(signals, key):
        del key
        require("upgrad", signals, "gram")
        present = present_mask(signals)
        count = jnp.maximum(jnp.sum(present), 1)
        chosen = 1.0 / count if preference is None else preference
        share = jnp.where(present, per_task("preference", chosen, present.size), 0.0)
        gram = regularise(masked_gram(signals), norm_eps, reg_eps, ridge)
        projected = project_onto_dual_cone(gram, jnp.eye(present.size))
        weights = jnp.sum(share[:, None] * projected, axis=0)
        return jnp.where(present, weights, 0.0)

    return stateless(weigh, frozenset({"gram"}))
