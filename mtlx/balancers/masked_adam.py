"""Adam on one number a task, which leaves absent tasks alone."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from mtlx.balancers.base import Number


class MaskedAdam(NamedTuple):
    """`init(values) -> state`; `update(gradient, state, values, present)`."""

    init: Callable
    update: Callable


def masked_adam(learning_rate: Number) -> MaskedAdam:
    """Adam for a vector of per-task numbers, with one step counter a task.

    An absent task keeps its value, its moments and its counter, so that its bias
    correction, too, is that of the steps it took part in. With all tasks present this
    is `optax.adam(learning_rate)`.

    Args:
        learning_rate: step size.

    Returns:
        `init(values [T]) -> state` and `update(gradient [T], state, values [T], present
        [T]) -> (values, state)`.

    Reference: Kingma & Ba 2015, Algorithm 1.
    """
    adam = optax.scale_by_adam()

    def update(gradient, state, values, present):
        direction, stepped = jax.vmap(adam.update)(gradient, state)
        new = (values - learning_rate * direction, stepped)
        return jax.tree.map(lambda n, o: jnp.where(present, n, o), new, (values, state))

    return MaskedAdam(jax.vmap(adam.init), update)
