"""DB-MTL, dual balancing of losses and gradients (Lin et al. 2023)."""

import jax.numpy as jnp

from mtlx.balancers.base import masked_gram, positive_losses, require, stateless
from mtlx.types import Balancer


def db_mtl() -> Balancer:
    """Gradients of the log-losses, all as long as the longest: no state.

    The gradient of log L_i is g_i / L_i, of norm m_i = |g_i| / L_i; with it w_i =
    (max_j m_j / m_i) / L_i, so that w_i |g_i| is the same for all tasks, max_j m_j. A
    loss's scale does not matter. The weights' sum follows the losses and the norms.

    Raises:
        ValueError: `signals.gram` is None or misshapen.

    Reference: "Dual-Balancing for Multi-Task Learning", 2023, loss balancing by the
    logarithm and gradient balancing by the maximum norm. There each m_i is the norm of
    a running mean of the task's gradients, which needs the gradients themselves; here
    of this step's, the paper's rule without its averaging. Losses must be positive: one
    below 1e-8 counts as 1e-8. A task whose gradient is 0 gets weight 0. The paper
    trains heads on the log-losses too; here they get plain gradients.
    """

    def weigh(signals, key):
        del key
        require("db_mtl", signals, "gram")
        norms = jnp.sqrt(jnp.maximum(jnp.diagonal(masked_gram(signals)), 0.0))
        largest = jnp.max(norms / positive_losses(signals))
        # m_i L_i is |g_i| whatever the loss, which so drops out of all but the maximum.
        return jnp.where(norms > 0, largest / jnp.where(norms > 0, norms, 1.0), 0.0)

    return stateless(weigh, frozenset({"gram"}))
