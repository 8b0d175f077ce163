"""DB-MTL with tracked gradients (Lin et al. 2023)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtlx import tree
from mtlx.balancers.base import Number, present_mask
from mtlx.balancers.stacked import along, lengths, masked_grads, track, zeros
from mtlx.types import Array, Balancer, Direction, PyTree

EPSILON = 1e-8  # in the logarithm, as in the authors' code


class DBMTLState(NamedTuple):
    """Tracked gradients of the log-losses."""

    tracked: PyTree  # each leaf [T, ...], u_i
    seen: Array  # [T] int32, batches that a task took part in


def db_mtl_ema(beta: Number = 0.9, beta_sigma: Number = 0.5) -> Balancer:
    """Log-losses, and their tracked gradients scaled to the length of the largest.

    u_i <- beta_k u_i + (1 - beta_k) grad log(L_i + 1e-8), where grad log(L_i + 1e-8) =
    g_i / (L_i + 1e-8) and beta_k = beta / k^beta_sigma at a task's k-th batch; then d =
    sum_i a_i u_i with a_i = max_j |u_j| / |u_i|. Every task adds a vector of the same
    length, whatever the scale of its loss. The weights returned are a_i / (L_i + 1e-8),
    those of the raw gradients where u_i is as measured.

    Args:
        beta: weight of the past at the first batch, in [0, 1); 0 tracks nothing, and
            then losses and the Gram matrix's diagonal are all that the rule needs.
        beta_sigma: how fast it falls; 0.5 is the paper's beta / sqrt(k), 0 a constant,
            which is LibMTL's default and does harm on small data sets.

    Raises:
        ValueError: `signals.grads` is None, or a leaf has not one row a task.

    Reference: "Dual-Balancing for Multi-Task Learning", 2023, arXiv 2308.12029. u
    starts at 0 and is not corrected for it, as in the authors' code: a common factor
    stays in the first directions. Losses are positive (one below 0 counts as 0). A task
    with u_i = 0 gets a_i = 0. An absent task keeps u_i and does not enter the
    direction.
    """

    def init(num_tasks, shared):
        return DBMTLState(zeros(num_tasks, shared), jnp.zeros(num_tasks, jnp.int32))

    def update(signals, state, *, key=None):
        del key
        grads, present = masked_grads("db_mtl_ema", signals), present_mask(signals)
        losses = jnp.where(present, jnp.asarray(signals.losses, jnp.float32), 1.0)
        losses = jnp.maximum(losses, 0.0) + EPSILON
        logs = jax.tree.map(lambda g: g / along(losses, g), grads)
        seen = state.seen + present
        rate = 1.0 - beta / jnp.maximum(seen, 1) ** beta_sigma
        tracked = track(state.tracked, logs, rate, present)
        norms = jnp.where(present, lengths(tracked, present.size), 0.0)
        scale = jnp.where(norms > 0, jnp.max(norms) / jnp.where(norms > 0, norms, 1), 0)
        direction = tree.weighted_sum(scale, tracked)
        return Direction(direction, scale / losses), DBMTLState(tracked, seen)

    return Balancer(init, update, frozenset({"grads"}))
