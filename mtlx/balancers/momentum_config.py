"""M-ConFIG, conflict-free directions from momenta (Liu, Chu & Thuerey 2025)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtlx import tree
from mtlx.balancers.base import Number, present_mask
from mtlx.balancers.config import config
from mtlx.balancers.stacked import along, masked_grads, track, zeros
from mtlx.types import Array, Balancer, Direction, PyTree

EPSILON = 1e-8  # Adam's


class MomentumConfigState(NamedTuple):
    """A momentum for each task, and two moments of their common direction."""

    momenta: PyTree  # each leaf [T, ...], m_i
    seen: Array  # [T] int32, batches that a task took part in
    pseudo: PyTree  # like the shared parameters, m_c
    second: PyTree  # like the shared parameters, v
    steps: Array  # [] int32


def momentum_config(beta1: Number = 0.9, beta2: Number = 0.999) -> Balancer:
    """ConFIG on the tasks' momenta, with the step sizes of one Adam for all.

    m_i <- beta1 m_i + (1 - beta1) g_i, corrected for its start; d = l u, where u is the
    unit vector that has equal cosines to all m_i and l = sum_i <m_i, u>: with unit
    momenta U, u ~ U^T (U U^T)^+ 1. A pseudo momentum m_c = (1 - beta1^k) d is taken
    apart into the gradient that would have led to it, g_c = (m_c(k) - beta1 m_c(k - 1))
    / (1 - beta1), whose squares make the second moment v. The direction is d / (sqrt(v
    / (1 - beta2^k)) + 1e-8): use it with plain SGD, as it has Adam's scaling already.
    The weights returned are those of the momenta in d. For T = 1 it is Adam.

    Args:
        beta1: decay of the momenta, in [0, 1).
        beta2: decay of the second moment, in [0, 1).

    Raises:
        ValueError: `signals.grads` is None, or a leaf has not one row a task.

    Reference: "ConFIG: Towards Conflict-free Training of Physics Informed Neural
    Networks", ICLR 2025, the section on M-ConFIG. Departures: the paper measures one
    task's gradient a step, in turn, to save time, and combines all momenta, old ones
    too; here every task present is measured at each step, and one that is absent keeps
    its momentum but does not enter the direction. Where no vector has equal cosines the
    pseudo-inverse gives the nearest; where that is 0, as for opposed momenta, so is d.
    """
    combine = config()

    def init(num_tasks, shared):
        def blank():
            return jax.tree.map(lambda p: jnp.zeros(jnp.shape(p), jnp.float32), shared)

        return MomentumConfigState(
            momenta=zeros(num_tasks, shared),
            seen=jnp.zeros(num_tasks, jnp.int32),
            pseudo=blank(),
            second=blank(),
            steps=jnp.zeros((), jnp.int32),
        )

    def update(signals, state, *, key=None):
        del key
        grads, present = masked_grads("momentum_config", signals), present_mask(signals)
        anyone = jnp.any(present)
        seen, steps = state.seen + present, state.steps + anyone
        rate = jnp.full(present.shape, 1.0 - beta1, jnp.float32)
        momenta = track(state.momenta, grads, rate, present)
        correction = 1.0 / (1.0 - beta1 ** jnp.maximum(seen, 1))
        correction = jnp.where(present, correction, 0.0)
        unbiased = jax.tree.map(lambda m: along(correction, m) * m, momenta)
        gram = tree.gram(unbiased, present.size)
        weights, _ = combine.update(signals._replace(gram=gram), ())
        combined = tree.weighted_sum(weights, unbiased)
        age = jnp.maximum(steps, 1)

        def accumulate(d, old):
            return jnp.where(anyone, (1.0 - beta1**age) * d, old)

        def square(new, old, second):
            gradient = (new - beta1 * old) / (1.0 - beta1)
            moved = beta2 * second + (1.0 - beta2) * gradient**2
            return jnp.where(anyone, moved, second)

        def scale(d, second):
            return d / (jnp.sqrt(second / (1.0 - beta2**age)) + EPSILON)

        pseudo = jax.tree.map(accumulate, combined, state.pseudo)
        second = jax.tree.map(square, pseudo, state.pseudo, state.second)
        direction = jax.tree.map(scale, combined, second)
        new = MomentumConfigState(momenta, seen, pseudo, second, steps)
        return Direction(direction, weights), new

    return Balancer(init, update, frozenset({"grads"}))
