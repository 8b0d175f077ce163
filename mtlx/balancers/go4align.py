"""GO4Align, group optimisation for multi-task alignment (Shen et al. 2024)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtlx.balancers.base import Number, positive_losses, present_mask
from mtlx.types import Array, Balancer


class GO4AlignState(NamedTuple):
    """Logarithms of the tasks' risk weights, which sum to 1 over all tasks."""

    log_risks: Array  # [T] log p


def go4align(num_groups: int = 2, step_size: Number = 1e-4) -> Balancer:
    """Inverse losses, corrected by past risk, and shared within groups of alike tasks.

    p_i <- p_i exp(-step_size L_i), normalised to sum to 1; raw weights r_i = p_i (sum_j
    L_j) / L_i; then 1-D k-means sorts the r_i into groups, anew at every step, and w_i
    is the mean r of task i's group. The weights' sum, sum_i r_i, follows the losses.

    Args:
        num_groups: K >= 1, static. 1 gives all tasks the mean of r; T or more gives r.
        step_size: of the multiplicative update of p, which adds up a task's losses over
            the whole run: small.

    Raises:
        ValueError: `num_groups` is no positive integer.

    Reference: "GO4Align: Group Optimization for Multi-Task Alignment", NeurIPS 2024,
    and the code of its authors. There k-means is Lloyd's algorithm from a random start;
    here the least within-group sum of squares is found exactly, as groups of numbers
    are intervals of the sorted list (Wang & Song, "Ckmeans.1d.dp", The R Journal 2011).
    A loss below 1e-8 counts as 1e-8. Sums are over the tasks present; absent ones keep
    their p.
    """
    if not isinstance(num_groups, int) or num_groups < 1:
        raise ValueError(
            f"Balancer 'go4align': expected num_groups to be a positive integer, found "
            f"{num_groups!r}. 1 puts all tasks into one group."
        )

    def init(num_tasks):
        even = jnp.full(num_tasks, 1.0 / num_tasks, jnp.float32)
        return GO4AlignState(jnp.log(even))

    def update(signals, state, *, key=None):
        del key
        present, losses = present_mask(signals), positive_losses(signals)
        old = state.log_risks
        new = old - step_size * losses
        mass = _log_sum(new, present)
        risks = jnp.exp(jnp.where(present, new - mass, -jnp.inf))
        raw = risks * jnp.sum(jnp.where(present, losses, 0.0)) / losses
        kept = jnp.where(present, new - mass + _log_sum(old, present), old)
        return _group_means(raw, present, num_groups), GO4AlignState(kept)

    return Balancer(init, update)


def _log_sum(logs: Array, present: Array) -> Array:
    """log sum exp over the tasks present; 0 if there are none."""
    total = jax.nn.logsumexp(jnp.where(present, logs, -jnp.inf))
    return jnp.where(jnp.any(present), total, 0.0)


def _group_means(values: Array, present: Array, num_groups: int) -> Array:
    """Each value replaced by the mean of its group in an optimal 1-D k-means.

    least[e] is the least cost of the first e sorted values in k groups: the minimum
    over the start s of the last one of least'[s] + cost[s, e]. Groups may be empty, so
    that K groups are at most K.
    """
    # In units of the largest: squares of raw weights may leave float32.
    largest = jnp.max(jnp.where(present, values, 0.0))
    scale = jnp.where(largest > 0, largest, 1.0)
    order = jnp.argsort(jnp.where(present, values, jnp.inf))
    sorted_values = jnp.where(present, values, 0.0)[order] / scale
    means, costs = _intervals(sorted_values, present[order])
    ends = jnp.arange(values.size + 1)

    def extend(least, _):
        total = least[:, None] + costs
        start = jnp.argmin(total, axis=0)
        return total[start, ends], start

    nothing = jnp.where(ends == 0, 0.0, jnp.inf)
    _, starts = jax.lax.scan(extend, nothing, length=min(num_groups, values.size))

    def assign(carry, start):
        end, found = carry
        inside = (ends[:-1] >= start[end]) & (ends[:-1] < end)
        return (start[end], jnp.where(inside, means[start[end], end], found)), None

    last = (jnp.asarray(values.size), jnp.zeros_like(values))
    (_, found), _ = jax.lax.scan(assign, last, starts, reverse=True)
    return jnp.where(present, scale * found[jnp.argsort(order)], 0.0)


def _intervals(values: Array, counts: Array) -> tuple[Array, Array]:
    """Mean and sum of squared deviations of values[s:e] at [s, e], [T + 1, T + 1].

    By Welford's recurrence: from prefix sums of squares nothing would be left of a
    group of small, close values beside a large one. inf where s > e.
    """
    starts = jnp.arange(values.size + 1)

    def append(carry, item):
        size, mean, cost = carry
        index, value, count = item
        taken = count & (starts <= index)
        size = size + taken
        gap = jnp.where(taken, value - mean, 0.0)
        mean = mean + gap / jnp.maximum(size, 1)
        cost = cost + jnp.where(taken, gap * (value - mean), 0.0)
        return (size, mean, cost), (mean, cost)

    zeros = jnp.zeros(values.size + 1, values.dtype)
    items = (starts[:-1], values, counts)
    none = (jnp.zeros_like(starts), zeros, zeros)
    _, (means, costs) = jax.lax.scan(append, none, items)
    means = jnp.concatenate([zeros[None], means]).T
    costs = jnp.concatenate([zeros[None], costs]).T
    return means, jnp.where(starts[:, None] <= starts[None, :], costs, jnp.inf)
