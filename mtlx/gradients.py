"""Measure: one forward pass, and the gradients of every task from it.

The parameters are split once into *shared* ones, that two or more tasks depend on, and
*own* ones, that a single task depends on (the model says which). A balancer weighs the
tasks on the shared parameters alone; own parameters get their task's plain gradient,
whatever its weight.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import traverse_util

from mtlx import tree
from mtlx.types import Array, Direction, Float, Needs, PyTree, Signals

Flat = dict[tuple[str, ...], Array]


class Measurement(NamedTuple):
    """What the forward and backward passes give.

    `gradient(decision)` is the gradient of every parameter: J^T w for the shared ones,
    where the decision is weights w, or the gradient of a `Direction`; the plain task
    gradient for the own ones.
    """

    signals: Signals
    gradient: Callable[[Array | Direction], PyTree]
    aux: Any


def split(
    params: PyTree, owner: Callable[[tuple[str, ...]], str | None]
) -> tuple[Flat, Flat]:
    """Shared and own parameters, each as {path: array}."""
    flat = traverse_util.flatten_dict(params)
    shared = {path: leaf for path, leaf in flat.items() if owner(path) is None}
    own = {path: leaf for path, leaf in flat.items() if path not in shared}
    return shared, own


def join(shared: Flat, own: Flat) -> PyTree:
    """The parameter tree that `split` took apart."""
    return traverse_util.unflatten_dict({**shared, **own})


def measure(
    loss_fn: Callable[[PyTree], tuple[Array, Any]],
    params: PyTree,
    owner: Callable[[tuple[str, ...]], str | None],
    needs: Needs,
) -> Measurement:
    """Losses of one batch, and what else a balancer needs, from one forward pass.

    With ``needs`` empty nothing is pulled back before the weights are known, and the
    whole gradient costs one backward pass of the weighted sum. With "gram" or "grads",
    the T one-hot cotangents are pulled back through the shared parameters at once (a
    vmapped vjp); J is kept for ``J^T w``.

    Args:
        loss_fn: params -> (losses [T], aux); aux must be a Mapping, and its entry
            "present" [T], if any, goes to the signals.
        params: parameter tree.
        owner: path of a parameter -> the one task that it serves, or None if shared.
        needs: `Balancer.needs`.
    """
    shared, own = split(params, owner)
    losses, pull, aux = jax.vjp(
        lambda s, o: loss_fn(join(s, o)), shared, own, has_aux=True
    )
    # Own parameters of task t meet no other loss, so a cotangent of ones gives each its
    # plain gradient. XLA drops the half of a pull that is not used.
    own_gradient = pull(jnp.ones_like(losses))[1]

    present = aux.get("present") if isinstance(aux, Mapping) else None
    signals = Signals(losses=losses, present=present)
    if not needs & {"gram", "grads"}:
        return Measurement(signals, lambda w: join(pull(w)[0], own_gradient), aux)

    num_tasks = losses.shape[0]
    stacked = _stack(pull, num_tasks)
    signals = signals._replace(
        gram=tree.gram(stacked, num_tasks) if "gram" in needs else None,
        grads=stacked if "grads" in needs else None,
    )

    def gradient(decision):
        if isinstance(decision, Direction):
            return join(decision.gradient, own_gradient)
        return join(tree.weighted_sum(decision, stacked), own_gradient)

    return Measurement(signals, gradient, aux)


def measure_cross_gram(
    loss_fns: Sequence[Callable[[PyTree], tuple[Array, Any]]],
    params: PyTree,
    owner: Callable[[tuple[str, ...]], str | None],
) -> Float[Array, "tasks tasks"]:
    """J_1 J_2^T of two batches: E[J_1 J_2^T] = E[J] E[J]^T, which no J J^T gives.

    Args:
        loss_fns: two functions as `measure` takes, on independent rows.
        params: parameter tree.
        owner: as in `measure`.
    """
    shared, own = split(params, owner)
    stacks = []
    for loss_fn in loss_fns:
        losses, pull, _ = jax.vjp(
            lambda s, f=loss_fn: f(join(s, own)), shared, has_aux=True
        )
        stacks.append(_stack(pull, losses.shape[0]))
    return tree.gram(stacks[0], losses.shape[0], stacks[1])


def _stack(pull: Callable[[Array], tuple], num_tasks: int) -> Flat:
    """J: the shared gradients of all tasks, pulled back at once."""
    return jax.vmap(lambda cotangent: pull(cotangent)[0])(jnp.eye(num_tasks))
