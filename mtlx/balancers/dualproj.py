"""DualProj, projection of the mean gradient onto the dual cone (GEM's rule)."""

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


def dualproj(
    norm_eps: Number = 1e-4,
    reg_eps: Number = 1e-4,
    preference: PerTask | None = None,
    ridge: str = "identity",
) -> Balancer:
    """Move the mean gradient as little as will take it out of every conflict.

    w = argmin_{v >= p} v^T (G / tr(G) + reg_eps I) v: up to the ridge, J^T w is the
    point nearest to J^T p in the dual cone {d : <g_i, d> >= 0 for all i}. So w >= p,
    and w = p where the mean gradient conflicts with no task. UPGrad projects the
    gradients one by one: there a task whose gradient is long cannot, as here, decide
    the direction before the others are heard.

    Args:
        norm_eps: where tr(G), the sum of the squared norms, is below it, G counts as 0
            and w = p. 0 has no such floor.
        reg_eps: the ridge. It keeps the projection for dependent gradients unique.
        preference: p >= 0, one number or one a task; None is 1 / T, T being the tasks
            present.
        ridge: "identity", or "diagonal" for reg_eps diag(G) in its place: see `upgrad`.

    Raises:
        ValueError: an unknown `ridge`; `preference` has not one number a task;
            `signals.gram` is None or misshapen.

    Reference: the projection of Lopez-Paz & Ranzato, "Gradient Episodic Memory for
    Continual Learning", NeurIPS 2017, there of the present task's gradient against
    those of past tasks; as an aggregator of all tasks, DualProj in Quinton & Rey,
    arXiv:2406.16232, 2024, and both eps in its authors' library.
    """
    choose("dualproj", "ridge", ridge, ("identity", "diagonal"))

    def weigh(signals, key):
        del key
        require("dualproj", signals, "gram")
        present = present_mask(signals)
        count = jnp.maximum(jnp.sum(present), 1)
        chosen = 1.0 / count if preference is None else preference
        share = jnp.where(present, per_task("preference", chosen, present.size), 0.0)
        gram = regularise(masked_gram(signals), norm_eps, reg_eps, ridge)
        return jnp.where(present, project_onto_dual_cone(gram, share), 0.0)

    return stateless(weigh, frozenset({"gram"}))
