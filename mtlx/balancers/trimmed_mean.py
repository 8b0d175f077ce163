"""Coordinate-wise trimmed mean (Yin et al. 2018)."""

import jax
import jax.numpy as jnp

from mtlx.balancers.base import Number, present_mask
from mtlx.balancers.stacked import along, masked_grads, portion
from mtlx.types import Balancer, Direction


def trimmed_mean(trim: Number = 1) -> Balancer:
    """The mean of the tasks' gradients without the extremes of each coordinate.

    At every coordinate the `trim` largest and the `trim` smallest of the T values are
    left out and the others averaged; trim = 0 is the mean, and the largest trim the
    median. The weights returned are the share of each gradient that is kept,
    <M_i g_i, g_i> / |g_i|^2, over the number of values averaged.

    Args:
        trim: how many values to leave out on each side, >= 0; where fewer than 2 trim +
            1 tasks are present it falls to what leaves one or two values, the median.

    Raises:
        ValueError: `signals.grads` is None, or a leaf has not one row a task.

    Reference: "Byzantine-Robust Distributed Learning: Towards Optimal Statistical
    Rates", ICML 2018, the coordinate-wise trimmed mean. There the rows are workers,
    some of them hostile, and the trim is a fraction of them; here they are tasks.
    """

    def init(num_tasks, shared):
        del num_tasks, shared
        return ()

    def update(signals, state, *, key=None):
        del key
        grads, present = masked_grads("trimmed_mean", signals), present_mask(signals)
        count = jnp.sum(present)
        cut = jnp.clip(trim, 0, jnp.maximum(count - 1, 0) // 2)
        averaged = jnp.maximum(count - 2 * cut, 1)

        def keep(leaf):
            # Absent tasks rank last, behind all values that are averaged.
            ranked = jnp.where(along(present, leaf), leaf, jnp.inf)
            rank = jnp.argsort(jnp.argsort(ranked, axis=0), axis=0)
            return jnp.where((rank >= cut) & (rank < count - cut), leaf, 0.0)

        kept = jax.tree.map(keep, grads)
        gradient = jax.tree.map(lambda leaf: jnp.sum(leaf, axis=0) / averaged, kept)
        return Direction(gradient, portion(kept, grads, present) / averaged), state

    return Balancer(init, update, frozenset({"grads"}))
