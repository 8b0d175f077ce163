"""MoCo, multi-objective gradient correction (Fernando et al. 2023)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtlx import tree
from mtlx.balancers.base import Number, choose, present_mask
from mtlx.balancers.simplex import PROJECTIONS, onto_simplex, step_on_simplex
from mtlx.balancers.stacked import along, lengths, masked_grads, track, zeros
from mtlx.types import Array, Balancer, Direction, PyTree


class MoCoState(NamedTuple):
    """Tracked gradients Y, their weights, and counters for the step sizes."""

    tracked: PyTree  # each leaf [T, ...], y_i
    weights: Array  # [T] lambda, on the simplex
    seen: Array  # [T] int32, batches that a task took part in
    steps: Array  # [] int32


def moco(
    beta: Number = 0.5,
    beta_sigma: Number = 0.5,
    gamma: Number = 0.1,
    gamma_sigma: Number = 0.5,
    rho: Number = 0.0,
    projection: str = "simplex",
    normaliser: str = "none",
) -> Balancer:
    """MGDA on gradients tracked over batches, which takes the noise's bias away.

    At step k = 1, 2, ..., y_i += beta_k (g_i - y_i); lambda = Proj(lambda - gamma_k (Y
    Y^T + rho I) lambda), one step of projected descent on |Y^T lambda|^2 / 2; the
    direction is Y^T lambda. Step sizes fall as beta_k = beta / k^beta_sigma and gamma_k
    = gamma / k^gamma_sigma. On gradients that stay as they are it goes to MGDA's
    min-norm point. The weights returned are lambda, on the tracked gradients; they sum
    to 1.

    Args:
        beta: rate of tracking at the first step, in (0, 1]; 1 is no tracking.
        beta_sigma: how fast it falls.
        gamma: step size of lambda at the first step.
        gamma_sigma: how fast it falls.
        rho: l2 regularisation of lambda.
        projection: "simplex", the Euclidean projection of the paper; "softmax" of the
            same values, as in LibMTL and TorchJD, which never leaves the inside.
        normaliser: what is tracked: "none" g_i; "loss" L_i g_i / |g_i|, as in LibMTL.

    Raises:
        ValueError: an unknown option; `signals.grads` is None, or a leaf has not one
            row a task.

    Reference: "Mitigating Gradient Bias in Multi-objective Learning: A Provably
    Convergent Approach", ICLR 2023; the order within a step, Y before lambda before the
    direction, and the step sizes' decay are LibMTL's. Y starts at 0, so that the
    first direction is beta J^T lambda. Each task has its own k for beta. An absent task
    keeps y_i and its part of lambda, and does not enter the direction.
    """
    choose("moco", "projection", projection, PROJECTIONS)
    choose("moco", "normaliser", normaliser, ("none", "loss"))

    def init(num_tasks, shared):
        return MoCoState(
            tracked=zeros(num_tasks, shared),
            weights=jnp.full(num_tasks, 1.0 / num_tasks, jnp.float32),
            seen=jnp.zeros(num_tasks, jnp.int32),
            steps=jnp.zeros((), jnp.int32),
        )

    def update(signals, state, *, key=None):
        del key
        grads, present = masked_grads("moco", signals), present_mask(signals)
        if normaliser == "loss":
            grads = _to_losses(grads, jnp.asarray(signals.losses, jnp.float32), present)
        seen = state.seen + present
        steps = state.steps + jnp.any(present)
        rate = beta / jnp.maximum(seen, 1) ** beta_sigma
        tracked = track(state.tracked, grads, rate, present)
        gram = tree.gram(tracked, present.size)

        def descend(weights):
            image = jnp.matmul(gram, weights, precision=jax.lax.Precision.HIGHEST)
            size = gamma / jnp.maximum(steps, 1) ** gamma_sigma
            moved = weights - size * (image + rho * weights)
            return onto_simplex(moved, present, projection)

        weights, kept = step_on_simplex(state.weights, present, descend)
        direction = tree.weighted_sum(weights, tracked)
        return Direction(direction, weights), MoCoState(tracked, kept, seen, steps)

    return Balancer(init, update, frozenset({"grads"}))


def _to_losses(grads: PyTree, losses: Array, present: Array) -> PyTree:
    """L_i g_i / |g_i|, zero where g_i is."""
    norms = lengths(grads, present.size)
    scale = jnp.where(present & (norms > 0), losses, 0.0)
    unit = jnp.where(norms > 0, norms, 1.0)
    return jax.tree.map(lambda g: along(scale, g) * (g / along(unit, g)), grads)
