"""The Gram matrix of two independent batches."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from mtlx import tree
from mtlx.gradients.parameters import Owner, join, split
from mtlx.types import Array, Float, PyTree


def measure_cross_gram(
    loss_fns: Sequence[Callable[[PyTree], tuple[Array, Any]]],
    params: PyTree,
    owner: Owner,
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
        stacks.append(jax.vmap(lambda c, p=pull: p(c)[0])(jnp.eye(losses.shape[0])))
    return tree.gram(stacks[0], losses.shape[0], stacks[1])
