"""FAMO, fast adaptive multi-task optimisation (Liu, Feng, Stone & Liu 2023)."""

from typing import Any, NamedTuple

import jax.numpy as jnp

from mtlx.balancers.base import (
    Number,
    PerTask,
    choose,
    masked_softmax,
    per_task,
    present_mask,
)
from mtlx.balancers.masked_adam import masked_adam
from mtlx.types import Array, Balancer

OFFSET = 1e-8  # keeps a loss at its minimum off log 0


class FAMOState(NamedTuple):
    """Task logits, their optimiser, and what the next losses are compared with."""

    logits: Array  # [T] xi
    adam: Any
    log_losses: Array  # [T] log D at the last call with the task
    seen: Array  # [T] int32, number of that call, from 1; 0 before there was one
    calls: Array  # [] int32


def famo(
    learning_rate: Number = 0.025,
    gamma: Number = 1e-3,
    min_losses: PerTask = 0.0,
    second_forward: str = "same",
) -> Balancer:
    """Weights under which all log-losses fall alike, from losses alone.

    With z = softmax(xi) and D_i = L_i - b_i + 1e-8, w_i = (z_i / D_i) / sum_j (z_j /
    D_j): the step goes down sum_i z_i log D_i. After it, delta_i = log D_i(before) -
    log D_i(after) is each task's rate, and Adam takes z_i (delta_i - <z, delta>) +
    gamma xi_i for the gradient of xi, so that tasks that fell less than the others
    gain. The weights sum to 1.

    Args:
        learning_rate: Adam's, for xi.
        gamma: weight decay of xi, added to its gradient; it pulls z towards 1 / T. The
            paper uses 1e-2 on Cityscapes and 1e-3 elsewhere.
        min_losses: b, lower bounds of the losses, one number or one a task.
        second_forward: what "after" is. "same": the losses of the same batch after the
            step, at one more forward pass a step, as in the paper; then `observe` takes
            them. "next": the next call's losses, of another batch, at no cost: noisier,
            and exact where all batches are one, as in the authors' toy problem.

    Raises:
        ValueError: another `second_forward`, or (from `init`) `min_losses` has not one
            number a task.

    Reference: "FAMO: Fast Adaptive Multitask Optimization", NeurIPS 2023, Algorithm 1,
    which has plain gradient steps on xi; Adam with the decay inside the gradient is the
    authors' code. Their gradient clipping is left to the optimiser. A loss below b_i
    counts as b_i. z is over the tasks at hand, and a task that was absent is compared
    with its own last losses ("next").
    """
    choose("famo", "second_forward", second_forward, ("same", "next"))
    adam = masked_adam(learning_rate)

    def log_gaps(losses):
        floor = per_task("min_losses", min_losses, losses.size)
        gap = jnp.asarray(losses, jnp.float32) - floor
        return jnp.log(jnp.maximum(gap, 0.0) + OFFSET)

    def learn(state, now, compared):
        share = masked_softmax(state.logits, compared)
        fall = jnp.where(compared, state.log_losses - now, 0.0)
        gradient = share * (fall - jnp.sum(share * fall)) + gamma * state.logits
        logits, moments = adam.update(gradient, state.adam, state.logits, compared)
        return state._replace(logits=logits, adam=moments)

    def init(num_tasks):
        per_task("min_losses", min_losses, num_tasks)  # a wrong length is refused now
        zeros, counts = (
            jnp.zeros(num_tasks, jnp.float32),
            jnp.zeros(num_tasks, jnp.int32),
        )
        zero = jnp.zeros((), jnp.int32)
        return FAMOState(zeros, adam.init(zeros), zeros, counts, zero)

    def update(signals, state, *, key=None):
        del key
        present, now = present_mask(signals), log_gaps(signals.losses)
        if second_forward == "next":
            state = learn(state, now, present & (state.seen > 0))
        weights = masked_softmax(state.logits - now, present)
        calls = state.calls + 1
        state = state._replace(
            log_losses=jnp.where(present, now, state.log_losses),
            seen=jnp.where(present, calls, state.seen),
            calls=calls,
        )
        return weights, state

    def observe(losses, state):
        present = (state.seen == state.calls) & (state.calls > 0)
        return learn(state, log_gaps(losses), present)

    if second_forward == "next":
        return Balancer(init, update)
    return Balancer(init, update, frozenset({"losses_after"}), observe)
