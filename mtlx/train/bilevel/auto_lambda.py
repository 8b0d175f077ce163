"""Auto-Lambda, weights that help the primary tasks (Liu et al. 2022)."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from mtlx.balancers.base import Number, choose, present_mask
from mtlx.balancers.masked_adam import masked_adam
from mtlx.gradients import Flat
from mtlx.train.bilevel.lookahead import Lookahead, descend, required
from mtlx.types import Array, Balancer, PyTree


class AutoLambdaState(NamedTuple):
    """The weights, and Adam's moments of them."""

    weights: Array  # [T] lambda
    adam: PyTree


def auto_lambda(
    primary: Sequence[int] | None = None,
    learning_rate: Number = 1e-4,
    initial: Number = 0.1,
    inner_lr: Number = 0.1,
    hessian: str = "exact",
) -> Balancer:
    """Descends the primary tasks' held-out loss after one step, in the weights.

    theta' = theta - inner_lr * grad sum_i lambda_i L_i(theta) on the first half of the
    batch; lambda moves by Adam along -inner_lr <grad L_i(theta), d>, d = grad sum_{p in
    primary} L_p(theta') on the second half, which is the exact gradient of sum_p
    L_p(theta'). A task whose step helps the primary ones gains weight. The weights
    returned are the moved lambda; their sum is what they make of T * initial.

    Args:
        primary: numbers of the tasks that count; None: all of them. The others are
            auxiliary.
        learning_rate: of Adam on lambda.
        initial: lambda at the start.
        inner_lr: of the step looked ahead, the model's own in the authors' code. Adam
            takes out its size, so it matters only in where theta' lies.
        hessian: how <grad L_i, d> is had: "exact", one forward-mode derivative of all
            losses along d; "finite", (L(theta + e d) - L(theta - e d)) / 2 e with e =
            0.01 / |d|, as in the authors' code.

    Raises:
        ValueError: an unknown option, or no such task; `signals.lookahead` is None.

    Reference: "Auto-Lambda: Disentangling Dynamic Task Relationships", TMLR 2022, eq.
    4-6. Own parameters get their plain gradients, in theta' as everywhere, so lambda
    acts through the shared ones alone. theta' has no momentum or weight decay. Nothing
    keeps lambda positive, as in the authors' code. An absent task keeps its lambda.
    """
    choose("auto_lambda", "hessian", hessian, ("exact", "finite"))
    adam = masked_adam(learning_rate)

    def init(num_tasks):
        _check(primary, num_tasks)
        weights = jnp.full(num_tasks, initial, jnp.float32)
        return AutoLambdaState(weights, adam.init(weights))

    def update(signals, state, *, key=None):
        del key
        ahead = required("auto_lambda", signals)
        gradient = hyper_gradient(ahead, state.weights, primary, inner_lr, hessian)
        # A half without rows of a task says nothing of it.
        moved = AutoLambdaState(
            *adam.update(gradient, state.adam, state.weights, ahead.inner_present)
        )
        return jnp.where(present_mask(signals), moved.weights, 0.0), moved

    return Balancer(init, update, frozenset({"lookahead"}))


def hyper_gradient(
    ahead: Lookahead,
    weights: Array,
    primary: Sequence[int] | None,
    inner_lr: Number,
    hessian: str,
) -> Array:
    """d sum_p L_p(theta'(lambda)) / d lambda [T]."""
    after = descend(ahead, weights, inner_lr)

    def goal(shared):
        losses = ahead.outer(shared, after[1])
        return jnp.sum(losses if primary is None else losses[jnp.array(primary)])

    direction = jax.grad(goal)(after[0])
    slope = _slopes if hessian == "exact" else _differences
    return -inner_lr * slope(ahead, direction)


def _slopes(ahead: Lookahead, direction: Flat) -> Array:
    def losses(shared):
        return ahead.inner(shared, ahead.own)

    return jax.jvp(losses, (ahead.shared,), (direction,))[1]


def _differences(ahead: Lookahead, direction: Flat) -> Array:
    size = optax.tree.norm(direction)
    width = 0.01 / jnp.where(size > 0, size, 1.0)

    def losses(sign):
        moved = jax.tree.map(lambda p, d: p + sign * width * d, ahead.shared, direction)
        return ahead.inner(moved, ahead.own)

    return (losses(1.0) - losses(-1.0)) / (2.0 * width)


def _check(primary: Sequence[int] | None, num_tasks: int) -> None:
    if primary is None:
        return
    if not primary or not all(0 <= task < num_tasks for task in primary):
        raise ValueError(
            f"Balancer 'auto_lambda': expected primary to be numbers of tasks from 0 "
            f"to {num_tasks - 1}, found {tuple(primary)}. Give at least one, or null."
        )
