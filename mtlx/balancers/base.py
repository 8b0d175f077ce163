"""What every balancer is built from, and the scale convention.

A balancer returns weights w [T]; the shared parameters move along J^T w, J [T, n] being
the gradients of the tasks' mean losses. **Scale convention**: `equal` returns ones, the
gradient of the plain sum of the losses. Every other method returns the weights of its
own published rule, never rescaled behind its back, so their sum differs from method to
method (each docstring says what it is). Under Adam and its kin the common factor
cancels; under SGD, weight decay or clipping tune the learning rate for each method.

A task absent from the batch (`signals.present` False) has loss 0 and gradient 0. It is
left out of the solve, gets weight 0, and does not move any state of its own.
"""

from collections.abc import Callable, Sequence

import jax.numpy as jnp

from mtlx.types import Array, Balancer, Bool, Float, Int, Signals

__all__ = [
    "Balancer",
    "Number",
    "PerTask",
    "Signals",
    "canonical_order",
    "choose",
    "masked_gram",
    "per_task",
    "positive_losses",
    "present_mask",
    "require",
    "stateless",
]

Number = int | float | Array  # a hyper-parameter; a tracer in a vmapped population
PerTask = Number | Sequence[Number]  # one number for all tasks, or one for each


def present_mask(signals: Signals) -> Bool[Array, "tasks"]:
    """Which tasks have rows in this batch; all of them where nothing is said."""
    if signals.present is None:
        return jnp.ones(jnp.shape(signals.losses), bool)
    return jnp.asarray(signals.present, bool)


def masked_gram(signals: Signals) -> Float[Array, "tasks tasks"]:
    """G in float32, zero in the rows and columns of absent tasks."""
    present = present_mask(signals)
    both = present[:, None] & present[None, :]
    return jnp.where(both, jnp.asarray(signals.gram, jnp.float32), 0.0)


def positive_losses(signals: Signals, least: float = 1e-8) -> Float[Array, "tasks"]:
    """Losses in float32 from `least` upwards; 1, whose logarithm is 0, where absent."""
    losses = jnp.maximum(jnp.asarray(signals.losses, jnp.float32), least)
    return jnp.where(present_mask(signals), losses, 1.0)


def masked_softmax(
    logits: Float[Array, "tasks"], present: Bool[Array, "tasks"]
) -> Float[Array, "tasks"]:
    """softmax over the tasks present, 0 for the others."""
    # Compiled as one fused multiply-add, `a * b - max` is not 0 where a * b is the
    # maximum; with huge logits the exponential of what is left over- or underflows.
    logits = jnp.where(present, logits, -jnp.inf)
    top = jnp.max(logits)
    below = jnp.where(logits >= top, 0.0, jnp.minimum(logits - top, 0.0))
    scale = jnp.where(present, jnp.exp(below), 0.0)
    return scale / jnp.maximum(jnp.sum(scale), 1.0)


def canonical_order(gram: Float[Array, "tasks tasks"]) -> Int[Array, "tasks"]:
    """An order of the tasks that does not depend on how they are listed.

    Sorted by G_ii, ties by the largest and then the least inner product. A solver that
    works in this order treats a permuted list of tasks alike to the last bit, also
    where rounding decides between minimisers. What still ties keeps the listed order.
    """
    return jnp.lexsort((jnp.min(gram, 1), jnp.max(gram, 1), jnp.diagonal(gram)))


def require(name: str, signals: Signals, *fields: str, key=...) -> None:
    """Refuse signals that lack what balancer `name` needs, while tracing.

    Raises:
        ValueError: a field of `signals` is None, `key` was passed as None, or the Gram
            matrix has not one row and one column a task.
    """
    missing = [f for f in fields if getattr(signals, f) is None]
    if key is None:
        missing.append("key")
    if missing:
        raise ValueError(
            f"Balancer {name!r} expected {', '.join(missing)}, found None. Measure "
            f"what `balancer.needs` names and pass it: "
            f"update(Signals(losses=..., gram=...), state, key=...)."
        )
    tasks = jnp.size(signals.losses)
    if "gram" in fields and jnp.shape(signals.gram) != (tasks, tasks):
        raise ValueError(
            f"Balancer {name!r} expected a Gram matrix of shape {(tasks, tasks)}, one "
            f"row a loss, found {jnp.shape(signals.gram)}. Measure G = J J^T over the "
            f"same tasks as `losses`."
        )


def choose(balancer: str, argument: str, value, choices: Sequence) -> None:
    """Refuse a static option that is not one of `choices`.

    Raises:
        ValueError: it is not.
    """
    if value not in choices:
        raise ValueError(
            f"Balancer {balancer!r}: expected {argument} to be one of "
            f"{', '.join(map(repr, choices))}, found {value!r}."
        )


def per_task(name: str, value: PerTask, num_tasks: int) -> Float[Array, "tasks"]:
    """One number a task, from a number for all or a sequence with one for each.

    Raises:
        ValueError: a sequence whose length is not the number of tasks.
    """
    values = jnp.asarray(value, jnp.float32)
    if values.shape not in ((), (num_tasks,)):
        raise ValueError(
            f"Expected {name} to be one number or a sequence of {num_tasks}, one a "
            f"task, found shape {values.shape}. Give them in the order of the tasks."
        )
    return jnp.broadcast_to(values, (num_tasks,))


def stateless(weigh: Callable[..., Array], needs: frozenset[str] = frozenset()):
    """A balancer from `weigh(signals, key) -> weights`, with () for a state."""

    def init(num_tasks):
        del num_tasks
        return ()

    def update(signals, state, *, key=None):
        return weigh(signals, key), state

    return Balancer(init, update, frozenset(needs))
