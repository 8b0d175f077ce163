"""A few tasks a step, drawn at random."""

import jax
import jax.numpy as jnp

from mtlx.balancers.base import Number, present_mask, require
from mtlx.balancers.wrappers.inner import decide
from mtlx.types import Array, Balancer, Bool


def subsample(inner: Balancer, tasks: Number = 4) -> Balancer:
    """Let the inner balancer see `tasks` of the tasks present, drawn anew each step.

    The others count as absent: weight 0, and no state of theirs moves. No factor makes
    up for them: the inner weights are used as they are. The training step still
    measures every task, as a fixed program must.

    Args:
        inner: the balancer.
        tasks: how many; all that are present where they are fewer.

    Raises:
        ValueError: the inner balancer returns a `Direction`; no key.

    Reference: sub-sampling of tasks in Liu et al., "Conflict-Averse Gradient Descent
    for Multi-Task Learning", NeurIPS 2021 (there the rest enters by its mean, see
    `cagrad_fast`), and in the SDMGrad-OS of Xiao, Ban & Ji, NeurIPS 2023. A task's
    draw depends on the key and its rank among the tasks present, so masking a task is
    removing it.
    """

    def update(signals, state, *, key=None):
        require("subsample", signals, key=key)
        draw_key, inner_key = jax.random.split(key)
        chosen = draw(draw_key, present_mask(signals), tasks)
        seen = signals._replace(present=chosen)
        return decide("subsample", inner, seen, state, inner_key)

    return Balancer(inner.init, update, inner.needs | {"key"}, inner.observe)


def draw(
    key: Array, present: Bool[Array, "tasks"], number: Number
) -> Bool[Array, "tasks"]:
    """`number` of the tasks present, or all of them, each equally likely."""
    rank = jnp.cumsum(present) - 1
    lot = jax.vmap(lambda r: jax.random.bits(jax.random.fold_in(key, r)))(rank)
    order = jnp.lexsort((lot, ~present))  # the tasks present come first
    return present & (jnp.argsort(order) < number)
