"""Dynamic weight average (Liu, Johns & Davison 2019)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtlx.balancers.base import Number, Signals, masked_softmax, present_mask
from mtlx.types import Array, Balancer


class DWAState(NamedTuple):
    """Mean losses of the last two windows, and the sums of the running one."""

    latest: Array  # [T] mean loss over the last closed window
    before: Array  # [T] and over the one before it
    windows: Array  # [T] int32, closed windows in which the task had a row
    total: Array  # [T] sum of losses in the running window
    count: Array  # [T] int32, its calls in which the task was present
    calls: Array  # [] int32, its calls
    epoch: Array  # [] int32, its epoch


def dwa(temperature: Number = 2.0, window: Number | None = None) -> Balancer:
    """Weights by relative descent: w = T softmax(r / temperature).

    r_i = Lbar_i(t-1) / Lbar_i(t-2), Lbar_i(t) being task i's mean loss in window t; r_i
    = 1 until two windows that hold the task have closed, so the first two windows run
    with ones. The weights sum to the number of tasks present.

    A window is `window` calls if that is given; else an epoch, where the signals tell
    it; else one call. The running window's own losses never enter its weights.

    Args:
        temperature: the larger, the more even the weights.
        window: calls in a window, or None for an epoch (or a call).

    Reference: "End-to-End Multi-Task Learning with Attention", CVPR 2019, eq. 7, whose
    windows are epochs; some public codes use a fixed number of steps. A task whose loss
    two windows ago was not positive has no ratio and gets r_i = 1.
    """

    def init(num_tasks):
        reals = jnp.zeros(num_tasks, jnp.float32)
        counts = jnp.zeros(num_tasks, jnp.int32)
        zero = jnp.zeros((), jnp.int32)
        return DWAState(reals, reals, counts, reals, counts, zero, zero)

    def update(signals, state, *, key=None):
        del key
        present = present_mask(signals)
        closing = _is_over(state, signals, window)
        state = jax.tree.map(
            lambda new, old: jnp.where(closing, new, old), _close(state), state
        )
        ratio = jnp.where(
            (state.windows >= 2) & (state.before > 0),
            state.latest / jnp.where(state.before > 0, state.before, 1.0),
            1.0,
        )
        share = masked_softmax(ratio / temperature, present)
        weights = jnp.sum(present) * share
        return weights.astype(jnp.float32), _accumulate(state, signals, present)

    return Balancer(init, update)


def _is_over(state: DWAState, signals: Signals, window: Number | None) -> Array:
    """Whether this call opens a new window."""
    if window is None and signals.epoch is not None:
        return state.epoch != signals.epoch
    return state.calls >= (1 if window is None else window)


def _close(state: DWAState) -> DWAState:
    """The running window becomes the latest, for the tasks that it holds."""
    held = state.count > 0
    mean = state.total / jnp.maximum(state.count, 1)
    return state._replace(
        latest=jnp.where(held, mean, state.latest),
        before=jnp.where(held, state.latest, state.before),
        windows=state.windows + held,
        total=jnp.zeros_like(state.total),
        count=jnp.zeros_like(state.count),
        calls=jnp.zeros_like(state.calls),
    )


def _accumulate(state: DWAState, signals: Signals, present: Array) -> DWAState:
    """Add this call's losses to the running window."""
    losses = jnp.asarray(signals.losses, jnp.float32)
    epoch = state.epoch if signals.epoch is None else signals.epoch
    return state._replace(
        total=state.total + jnp.where(present, losses, 0.0),
        count=state.count + present,
        calls=state.calls + 1,
        epoch=jnp.asarray(epoch, jnp.int32),
    )
