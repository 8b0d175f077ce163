"""PCGrad, "gradient surgery" (Yu et al. 2020)."""

import jax
import jax.numpy as jnp

from mtlx.balancers.base import choose, masked_gram, present_mask, require, stateless
from mtlx.balancers.orders import listed_orders, random_orders
from mtlx.types import Array, Balancer


def pcgrad(reduction: str = "sum", order: str = "random") -> Balancer:
    """Project each gradient off those it conflicts with, then add the results up.

    For each task i, from c = e_i, and for each j != i in turn: where <J^T c, g_j> =
    (G c)_j < 0, c_j -= (G c)_j / G_jj. The projection is against the original g_j. The
    weights are w = sum_i c^(i), so that w >= 1 and without conflict w = 1. For T = 2,
    w_i = 1 - min(G_12, 0) / G_ii. For T > 2 the direction may still conflict with a
    task: a later projection can undo an earlier one.

    Args:
        reduction: "sum", as in Algorithm 1, or "mean" over the tasks present, as in
            several public codes.
        order: "random" draws the order of the j anew for every i and every step
            (Algorithm 1); "fixed" goes through the tasks as they are listed, which is
            what the authors' code does in effect, and needs no key.

    Raises:
        ValueError: an unknown option; no `signals.gram`; no key where one is needed.

    Reference: "Gradient Surgery for Multi-Task Learning", NeurIPS 2020, Algorithm 1,
    here on coefficients of the gradients. A task's place in the random order depends on
    the key and its rank among the tasks present, so masking a task is removing it.
    """
    choose("pcgrad", "reduction", reduction, ("sum", "mean"))
    choose("pcgrad", "order", order, ("random", "fixed"))
    random = order == "random"

    def weigh(signals, key):
        require("pcgrad", signals, "gram", **({"key": key} if random else {}))
        present = present_mask(signals)
        orders = random_orders(key, present) if random else listed_orders(present)
        coefficients = _project(masked_gram(signals), orders)
        weights = jnp.sum(jnp.where(present[:, None], coefficients, 0.0), axis=0)
        if reduction == "mean":
            weights /= jnp.maximum(jnp.sum(present), 1)
        return weights

    return stateless(weigh, frozenset({"gram", "key"} if random else {"gram"}))


def _project(gram: Array, orders: Array) -> Array:
    """[T, T]: row i holds c^(i), all rows projected at once along their own order."""
    tasks = jnp.arange(gram.shape[0])
    squared = jnp.diagonal(gram)

    def project(coefficients, j):
        inner = jnp.sum(coefficients * gram[j], axis=1)
        conflict = (inner < 0) & (j != tasks) & (squared[j] > 0)
        shift = jnp.where(conflict, inner / jnp.where(conflict, squared[j], 1.0), 0.0)
        return coefficients.at[tasks, j].add(-shift), None

    start = jnp.eye(tasks.size, dtype=jnp.float32)
    return jax.lax.scan(project, start, orders.T)[0]
