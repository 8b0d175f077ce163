"""Gradients stacked by task, for the rules that look beyond the Gram matrix.

A stacked tree has the shared parameters' structure, each leaf [T, ...].
"""

import jax
import jax.numpy as jnp

from mtlx.balancers.base import Signals, present_mask, require
from mtlx.types import Array, Bool, Float, PyTree

__all__ = ["along", "lengths", "masked_grads", "portion", "track", "zeros"]


def along(values: Array, leaf: Array) -> Array:
    """One value a task, [T], in a shape that broadcasts over `leaf` [T, ...]."""
    return values.reshape(values.shape + (1,) * (leaf.ndim - 1))


def zeros(num_tasks: int, shared: PyTree) -> PyTree:
    """A stacked tree of float32 zeros for parameters like `shared`."""

    def stack(leaf):
        return jnp.zeros((num_tasks, *jnp.shape(leaf)), jnp.float32)

    return jax.tree.map(stack, shared)


def masked_grads(name: str, signals: Signals) -> PyTree:
    """J in float32, zero in the rows of absent tasks.

    Raises:
        ValueError: `signals.grads` is None, or a leaf has not one row a task.
    """
    require(name, signals, "grads")
    present = present_mask(signals)

    def mask(leaf):
        if jnp.shape(leaf)[:1] != present.shape:
            raise ValueError(
                f"Balancer {name!r} expected gradients stacked to [{present.size}, "
                f"...], one row a loss, found a leaf of shape {jnp.shape(leaf)}. Stack "
                f"the gradients of the same tasks as `losses`."
            )
        leaf = jnp.asarray(leaf, jnp.float32)
        return jnp.where(along(present, leaf), leaf, 0.0)

    return jax.tree.map(mask, signals.grads)


def lengths(stacked: PyTree, num_tasks: int) -> Float[Array, "tasks"]:
    """|g_i| over all leaves; scaled on the way, so that no square overflows."""
    rows = [leaf.reshape(num_tasks, -1) for leaf in jax.tree.leaves(stacked)]
    largest = jnp.zeros(num_tasks, jnp.float32)
    for row in rows:
        largest = jnp.maximum(largest, jnp.max(jnp.abs(row), axis=1, initial=0.0))
    scale = jnp.where(largest > 0, largest, 1.0)
    total = jnp.zeros(num_tasks, jnp.float32)
    for row in rows:
        total += jnp.sum((row / scale[:, None]) ** 2, axis=1)
    return scale * jnp.sqrt(total)


def track(
    tracked: PyTree,
    target: PyTree,
    rate: Float[Array, "tasks"],
    present: Bool[Array, "tasks"],
) -> PyTree:
    """y_i + rate_i (target_i - y_i); absent tasks keep their y_i."""
    rate = jnp.where(present, rate, 0.0)

    def move(old, new):
        return old + along(rate, old) * (new - old)

    return jax.tree.map(move, tracked, target)


def portion(
    part: PyTree, whole: PyTree, present: Bool[Array, "tasks"]
) -> Float[Array, "tasks"]:
    """<p_i, g_i> / |g_i|^2, how much of each gradient `part` holds; 1 where g_i = 0."""
    inner = jnp.zeros(present.shape, jnp.float32)
    squared = inner
    for p, g in zip(jax.tree.leaves(part), jax.tree.leaves(whole), strict=True):
        axes = tuple(range(1, g.ndim))
        inner += jnp.sum(p * g, axis=axes)
        squared += jnp.sum(g * g, axis=axes)
    share = jnp.where(squared > 0, inner / jnp.where(squared > 0, squared, 1.0), 1.0)
    return jnp.where(present, share, 0.0)
