"""GradDrop, gradient sign dropout (Chen et al. 2020)."""

import jax
import jax.numpy as jnp

from mtlx.balancers.base import PerTask, choose, per_task, present_mask, require
from mtlx.balancers.stacked import along, masked_grads, portion
from mtlx.types import Array, Balancer, Direction


def graddrop(leak: PerTask = 0.0, reduction: str = "sum") -> Balancer:
    """Let one sign through at every coordinate, drawn by how pure the sign is.

    P_k = (1 + sum_i g_ik / sum_i |g_ik|) / 2 and U_k is uniform in [0, 1); M_ik is
    1[U_k < P_k] where g_ik > 0 and 1[U_k >= P_k] where g_ik < 0; d_k = sum_i (l_i + (1
    - l_i) M_ik) g_ik. Where all tasks agree on the sign, d_k is the plain sum;
    elsewhere it is so on average, E d_k = sum_i g_ik. The weights returned are the
    share of each gradient that gets through, <M_i g_i, g_i> / |g_i|^2.

    Args:
        leak: l_i, the part of a gradient that is never dropped, one number or one a
            task; 1 is the plain sum.
        reduction: "sum", as in Algorithm 1, or "mean" over the tasks present, as in
            several public codes.

    Raises:
        ValueError: an unknown reduction; no `signals.grads`; no key; or `leak` has not
            one number a task.

    Reference: "Just Pick a Sign: Optimizing Deep Multitask Models with Gradient Sign
    Dropout", NeurIPS 2020, Algorithm 1. There it acts on the gradients of a shared
    representation, times its sign and summed over the batch; here, as in most later
    codes, on those of the shared parameters, which needs no hook in the network. U is
    drawn for each coordinate, not for each task, so that masking a task is removing it.
    """
    choose("graddrop", "reduction", reduction, ("sum", "mean"))

    def init(num_tasks, shared):
        del shared
        per_task("leak", leak, num_tasks)
        return ()

    def update(signals, state, *, key=None):
        require("graddrop", signals, "grads", key=key)
        grads, present = masked_grads("graddrop", signals), present_mask(signals)
        leaks = per_task("leak", leak, present.size)
        leaves, structure = jax.tree.flatten(grads)
        kept = structure.unflatten(
            _keep(jax.random.fold_in(key, number), leaf, leaks)
            for number, leaf in enumerate(leaves)
        )
        scale = 1.0 if reduction == "sum" else 1.0 / jnp.maximum(jnp.sum(present), 1)
        gradient = jax.tree.map(lambda leaf: scale * jnp.sum(leaf, axis=0), kept)
        return Direction(gradient, scale * portion(kept, grads, present)), state

    return Balancer(init, update, frozenset({"grads", "key"}))


def _keep(key: Array, leaf: Array, leaks: Array) -> Array:
    """What is left of one leaf [T, ...]."""
    total = jnp.sum(jnp.abs(leaf), axis=0)
    purity = 0.5 * (1.0 + jnp.sum(leaf, axis=0) / jnp.where(total > 0, total, 1.0))
    positive = jax.random.uniform(key, total.shape) < purity
    passes = positive[None] == (leaf > 0)
    leaks = along(leaks, leaf)
    return (leaks + (1.0 - leaks) * passes) * leaf
