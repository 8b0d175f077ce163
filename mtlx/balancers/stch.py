"""STCH, smooth Tchebycheff scalarisation (Lin et al. 2024)."""

from typing import NamedTuple

import jax.numpy as jnp

from mtlx.balancers.base import (
    Number,
    PerTask,
    choose,
    masked_softmax,
    per_task,
    positive_losses,
    present_mask,
)
from mtlx.types import Array, Balancer


class STCHState(NamedTuple):
    """The losses that the tasks' progress is measured against."""

    total: Array  # [T] sum of the losses whose mean is the nadir
    count: Array  # [T] int32, how many
    calls: Array  # [] int32


def stch(
    mu: Number = 1.0,
    warmup: Number = 4,
    weights: PerTask | None = None,
    reference: PerTask = 0.0,
    nadir: PerTask | None = None,
    variant: str = "libmtl",
) -> Balancer:
    """A smooth maximum of the tasks' losses, minimised.

    "plain": S = mu log sum_i exp(p_i (L_i - z_i) / mu) -> max_i p_i (L_i - z_i) as mu
    -> 0; w = dS / dL, w_i = p_i softmax(p (L - z) / mu)_i, so w_i <= p_i.

    "libmtl": in epochs 0 to `warmup`, sum_i log L_i, w_i = 1 / L_i. The mean losses
    over the epoch with index `warmup` are the nadir N. From then on T S of f_i =
    log(L_i / N_i) in place of L_i - z_i, so that w_i = T p_i softmax(p f / mu)_i / L_i:
    the tasks that have made the least progress lead. With p = 1, sum_i w_i L_i = T.

    Args:
        mu: smoothing, > 0; to infinity the softmax evens out.
        warmup: index of the epoch that the nadir is measured in, >= 0 ("libmtl").
        weights: the preference p, one number or one a task; None is 1 / T in "plain",
            1 in "libmtl", whose code has none.
        reference: the ideal point z, one number or one a task ("plain").
        nadir: N, one number or one a task, if known beforehand: there is then no
            warm-up ("libmtl").
        variant: "libmtl", as in the authors' multi-task code, or "plain", the paper's
            scalarisation.

    Raises:
        ValueError: another variant, or (from `init`) a sequence that has not one number
            a task.

    Reference: "Smooth Tchebycheff Scalarization for Multi-Objective Optimization", ICML
    2024, and the code of its authors. Where the signals tell no epoch, a call is one. A
    task without a row in the epoch `warmup` takes its first loss thereafter for a
    nadir. In "libmtl" a loss below 1e-8 counts as 1e-8.
    """
    choose("stch", "variant", variant, ("libmtl", "plain"))
    if variant == "plain":
        return _plain(mu, weights, reference)

    def init(num_tasks):
        preference = 1.0 if weights is None else weights
        per_task("weights", preference, num_tasks)  # a wrong length is refused now
        given = per_task("nadir", 0.0 if nadir is None else nadir, num_tasks)
        count = jnp.full(num_tasks, nadir is not None, jnp.int32)
        return STCHState(given, count, jnp.zeros((), jnp.int32))

    def update(signals, state, *, key=None):
        del key
        present, losses = present_mask(signals), positive_losses(signals)
        epoch = state.calls if signals.epoch is None else signals.epoch
        warm = (epoch <= warmup) & (nadir is None)
        state = _accumulate(state, losses, present, epoch, warmup, nadir is None)
        preference = per_task(
            "weights", 1.0 if weights is None else weights, len(losses)
        )
        progress = jnp.log(losses) - jnp.log(state.total / jnp.maximum(state.count, 1))
        share = masked_softmax(preference * progress / mu, present)
        led = jnp.sum(present) * preference * share
        chosen = jnp.where(warm, 1.0, led) / losses
        return jnp.where(present, chosen, 0.0).astype(jnp.float32), state

    return Balancer(init, update)


def _plain(mu: Number, weights: PerTask | None, reference: PerTask) -> Balancer:
    def init(num_tasks):
        per_task("weights", 1.0 if weights is None else weights, num_tasks)
        per_task("reference", reference, num_tasks)
        return ()

    def update(signals, state, *, key=None):
        del key
        present = present_mask(signals)
        even = 1.0 / jnp.maximum(jnp.sum(present), 1)
        preference = per_task(
            "weights", even if weights is None else weights, present.size
        )
        ideal = per_task("reference", reference, present.size)
        excess = jnp.asarray(signals.losses, jnp.float32) - ideal
        share = masked_softmax(preference * excess / mu, present)
        return jnp.where(present, preference * share, 0.0).astype(jnp.float32), state

    return Balancer(init, update)


def _accumulate(
    state: STCHState,
    losses: Array,
    present: Array,
    epoch: Array,
    warmup: Number,
    measured: bool,
) -> STCHState:
    """Take this call's losses into the nadir where they belong there."""
    late = (epoch > warmup) & (state.count == 0)
    counts = present & ((epoch == warmup) | late) & measured
    return STCHState(
        total=state.total + jnp.where(counts, losses, 0.0),
        count=state.count + counts,
        calls=state.calls + 1,
    )
