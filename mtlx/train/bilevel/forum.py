"""FORUM, first-order multi-gradient bilevel optimisation (Ye et al. 2024)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtlx import tree
from mtlx.balancers.base import Number
from mtlx.balancers.masked_adam import masked_adam
from mtlx.balancers.simplex import onto_simplex
from mtlx.balancers.stacked import along, lengths
from mtlx.gradients import Flat
from mtlx.train.bilevel.lookahead import Lookahead, descend, required
from mtlx.train.bilevel.multipliers import constraint_multiplier, multipliers
from mtlx.types import Array, Balancer, Direction, Float, PyTree


class ForumState(NamedTuple):
    """The weights' logits with Adam's moments, and the tracked multipliers."""

    logits: Array  # [T]
    adam: PyTree
    multipliers: Array  # [T] lambda


def forum(
    learning_rate: Number = 1e-3,
    inner_lr: Number = 0.1,
    inner_steps: int = 5,
    phi: Number = 0.1,
    decay: Number = 0.75,
) -> Balancer:
    """Descends the held-out losses F_i while the weighted loss f nears its minimum.

    With w = softmax(s), f(s, theta) = sum_i w_i L_i on the first half of the batch, and
    q = f(s, theta) - f(s, theta'), theta' being theta after the inner steps. The
    direction d in (s, theta) is the one that lowers all F_i / |grad F_i| (second half)
    at once and has <grad q, d> >= phi |grad q|^2: d = sum_i lambda_i grad F_i + nu grad
    q, nu = max(0, sum_i lambda_i (phi - <grad q, grad F_i> / |grad q|^2)), lambda in
    the simplex from the dual, min_lambda |d|^2 / 2 - nu phi |grad q|^2. No Hessian: in
    grad q, theta' is held fixed. s moves by Adam. Returned for theta is d; the weights
    logged are lambda_i / |grad F_i| + nu w_i.

    Args:
        learning_rate: of Adam on s.
        inner_lr, inner_steps: of the gradient descent to theta'.
        phi: how fast q must fall.
        decay: lambda is tracked over steps at a rate of epoch^-decay, 1 in the first.

    Raises:
        ValueError: no inner step; `signals.lookahead` is None.

    Reference: "A First-Order Multi-Gradient Algorithm for Multi-Objective Bi-Level
    Optimization", ECAI 2024, Algorithm 1; normalised gradients, softmax and Adam are
    the authors' code. Its quadratic programme leaves out the 1/2 of the dual, which is
    put back here: then without tracking the constraint holds. theta is the shared
    parameters; own ones get their plain gradients. An absent task has no part.
    """
    if inner_steps < 1:
        raise ValueError(f"Expected inner_steps >= 1, found {inner_steps}.")
    adam = masked_adam(learning_rate)

    def init(num_tasks):
        logits = jnp.zeros(num_tasks, jnp.float32)
        return ForumState(logits, adam.init(logits), jnp.zeros(num_tasks, jnp.float32))

    def update(signals, state, *, key=None):
        del key
        ahead = required("forum", signals)
        weights, gap = gap_gradient(ahead, state.logits, inner_lr, inner_steps)
        norms, rows = _outer_gradients(ahead)
        toward, size = _inner(rows, gap[1], norms.size), _squared(gap)
        gram = tree.gram(rows, norms.size)
        solved = multipliers(gram, toward, size, phi, ahead.outer_present)
        rate = (signals.epoch + 1.0) ** -decay
        tracked = state.multipliers + rate * (solved - state.multipliers)
        used = jnp.where(ahead.outer_present, tracked, 0.0)
        nu = constraint_multiplier(used, toward, size, phi)
        direction = jax.tree.map(
            lambda f, q: f + nu * q, tree.weighted_sum(used, rows), gap[1]
        )
        logged = used / jnp.where(norms > 0, norms, 1.0) + nu * weights
        moved = adam.update(nu * gap[0], state.adam, state.logits, ahead.inner_present)
        return Direction(direction, logged), ForumState(moved[0], moved[1], tracked)

    return Balancer(init, update, frozenset({"lookahead"}))


def gap_gradient(
    ahead: Lookahead, logits: Float[Array, "tasks"], inner_lr: Number, inner_steps: int
) -> tuple[Array, tuple[Array, Flat]]:
    """w, and the gradient of q in (s, theta)."""

    def loss(logits, shared, own):
        weights = onto_simplex(logits, ahead.inner_present, "softmax")
        return jnp.sum(weights * ahead.inner(shared, own))

    weights = onto_simplex(logits, ahead.inner_present, "softmax")
    after = descend(ahead, weights, inner_lr, inner_steps)
    here = jax.grad(loss, (0, 1))(logits, ahead.shared, ahead.own)
    return weights, (here[0] - jax.grad(loss)(logits, *after), here[1])


def _outer_gradients(ahead: Lookahead) -> tuple[Array, Flat]:
    """|grad F_i|, and grad F_i / |grad F_i| stacked."""
    losses, pull = jax.vjp(lambda shared: ahead.outer(shared, ahead.own), ahead.shared)
    rows = jax.vmap(lambda c: pull(c)[0])(jnp.eye(losses.size))
    norms = lengths(rows, losses.size)
    scale = 1.0 / jnp.where(norms > 0, norms, 1.0)
    return norms, jax.tree.map(lambda g: along(scale, g) * g, rows)


def _inner(rows: Flat, other: Flat, num_tasks: int) -> Array:
    """The inner products of the rows with one vector [T]."""
    total = jnp.zeros(num_tasks, jnp.float32)
    for path, leaf in rows.items():
        total += jnp.sum(leaf * other[path][None], axis=tuple(range(1, leaf.ndim)))
    return total


def _squared(parts: PyTree) -> Array:
    zero = jnp.zeros((), jnp.float32)
    return sum((jnp.sum(leaf**2) for leaf in jax.tree.leaves(parts)), zero)
