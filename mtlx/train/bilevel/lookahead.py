"""What a bilevel balancer decides on: the losses of two halves of a batch, anywhere."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from mtlx.balancers.base import Number
from mtlx.gradients import Flat, Owner, join, split
from mtlx.types import Array, Float, PyTree, Signals

Losses = Callable[[Flat, Flat], Array]  # shared and own parameters -> [T]


class Lookahead(NamedTuple):
    """Two functions of the parameters, and where they stand.

    Both halves see the model in training, with the step's dropout key and the batch
    statistics from before the step.
    """

    shared: Flat
    own: Flat
    inner: Losses  # on the first half of the batch's rows
    outer: Losses  # on the second
    inner_present: Array  # [T] bool
    outer_present: Array  # [T] bool


def look_ahead(
    inner: Callable[[PyTree], tuple[Array, Any]],
    outer: Callable[[PyTree], tuple[Array, Any]],
    params: PyTree,
    owner: Owner,
) -> Lookahead:
    """From the loss functions of two halves, as `mtlx.gradients.measure` takes them."""
    shared, own = split(params, owner)

    def losses(loss_fn):
        return lambda shared, own: loss_fn(join(shared, own))[0]

    presents = [loss_fn(params)[1]["present"] for loss_fn in (inner, outer)]
    return Lookahead(shared, own, losses(inner), losses(outer), *presents)


def required(name: str, signals: Signals) -> Lookahead:
    """The signals' lookahead.

    Raises:
        ValueError: there is none.
    """
    if signals.lookahead is None:
        raise ValueError(
            f"Balancer {name!r} expected signals.lookahead, found None. Train with "
            f"mtlx.train.make_step or fit, which cut it from the batch."
        )
    return signals.lookahead


def descend(
    ahead: Lookahead,
    weights: Float[Array, "tasks"],
    learning_rate: Number,
    steps: int = 1,
) -> tuple[Flat, Flat]:
    """Parameters after steps of gradient descent on the first half.

    Shared parameters move along J^T w, own ones along their task's plain gradient, as
    in the training step. Differentiable in the weights, Hessians included.
    """

    def step(point, _):
        losses, pull = jax.vjp(ahead.inner, *point)
        move = (pull(weights)[0], pull(jnp.ones_like(losses))[1])
        moved = jax.tree.map(lambda p, g: p - learning_rate * g, point, move)
        return moved, None

    return jax.lax.scan(step, (ahead.shared, ahead.own), length=steps)[0]
