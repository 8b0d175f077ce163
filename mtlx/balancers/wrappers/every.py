"""Weights that are decided anew only every few steps."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtlx.balancers.base import Number, present_mask
from mtlx.balancers.wrappers.inner import decide
from mtlx.types import Array, Balancer, PyTree


class EveryState(NamedTuple):
    """The weights in use, and the inner balancer's state."""

    weights: Array  # [T] of the last step that a task was decided in
    known: Array  # [T] bool, there has been such a step
    age: Array  # [] int32, steps that the weights have served, the present one included
    fresh: Array  # [] bool, they are of the last step
    inner: PyTree


def every(inner: Balancer, period: Number = 8) -> Balancer:
    """Decide in the first of `period` steps and reuse the weights in the others.

    The inner balancer sees only the steps that it decides in, its state and a look back
    at the losses included. A task that has no weight yet, as it was absent so far, has
    all tasks decided anew; the weight of an absent task is kept for its return. Steps
    without any task do not count.

    What is saved is the inner balancer's own work, by `lax.cond` (under `vmap` both
    branches run). The training step still measures all that `needs` names, at its full
    cost.

    Args:
        inner: the balancer.
        period: steps that the weights serve; 1 is the inner balancer itself.

    Raises:
        ValueError: the inner balancer returns a `Direction`.

    Reference: `update_weights_every` of Navon et al., "Multi-Task Learning as a
    Bargaining Game" (Nash-MTL), ICML 2022; Xu et al., "PSMGD", AAAI 2025, for MGDA.
    """

    def init(num_tasks, *shared):
        return EveryState(
            weights=jnp.zeros(num_tasks, jnp.float32),
            known=jnp.zeros(num_tasks, bool),
            age=jnp.zeros((), jnp.int32),
            fresh=jnp.zeros((), bool),
            inner=inner.init(num_tasks, *shared),
        )

    def update(signals, state, *, key=None):
        present = present_mask(signals)
        new = jnp.any(present & ~state.known)
        due = jnp.any(present) & (new | (state.age >= period))

        def refresh():
            weights, after = decide("every", inner, signals, state.inner, key)
            return jnp.where(present, weights, state.weights), after

        weights, after = jax.lax.cond(
            due, refresh, lambda: (state.weights, state.inner)
        )
        served = jnp.where(due, 0, state.age) + jnp.any(present).astype(jnp.int32)
        known = state.known | (present & due)
        state = EveryState(weights, known, served.astype(jnp.int32), due, after)
        return jnp.where(present, weights, 0.0), state

    def observe(losses, state):
        seen = inner.observe(losses, state.inner)
        kept = jax.tree.map(
            lambda n, o: jnp.where(state.fresh, n, o), seen, state.inner
        )
        return state._replace(inner=kept)

    return Balancer(init, update, inner.needs, inner.observe and observe)
