"""Algebra on pytrees of gradients, leaf by leaf, accumulated in float32.

A *stacked* tree holds the gradients of T tasks: every leaf has a leading axis of T. The
leaves are never concatenated into one T x n matrix.
"""

import jax
import jax.numpy as jnp

from mtlx.types import Array, Float, PyTree


def gram(
    stacked: PyTree,
    num_tasks: int,
    other: PyTree | None = None,
    metric: PyTree | None = None,
) -> Float[Array, "tasks tasks"]:
    """G_ij = <g_i, P h_j>, summed over the leaves of stacked trees.

    Products are taken at the highest precision the device has: the solvers behind the
    balancers invert G, and a TF32 or bfloat16 product would show.

    Args:
        stacked: gradients, each leaf [T, ...]; may have no leaf at all (a model that
            shares nothing), which gives zeros.
        num_tasks: T.
        other: the h_j; None means the g_j themselves.
        metric: diagonal of P, leaves without the axis of T; None means the identity.
    """

    def rows(leaf):
        return leaf.reshape(num_tasks, -1).astype(jnp.float32)

    total = jnp.zeros((num_tasks, num_tasks), jnp.float32)
    right = stacked if other is None else other
    if metric is not None:
        right = jax.tree.map(lambda h, p: h * p[None], right, metric)
    for g, h in zip(jax.tree.leaves(stacked), jax.tree.leaves(right), strict=True):
        total += jnp.einsum(
            "in,jn->ij", rows(g), rows(h), precision=jax.lax.Precision.HIGHEST
        )
    return total


def weighted_sum(weights: Float[Array, "tasks"], stacked: PyTree) -> PyTree:
    """J^T w: the stacked gradients contracted with one weight a task."""

    def contract(leaf):
        return jnp.tensordot(weights.astype(leaf.dtype), leaf, axes=1)

    return jax.tree.map(contract, stacked)


def count(tree: PyTree) -> int:
    """Number of scalars in a tree of arrays (or of their shapes)."""
    return sum(int(jnp.size(leaf)) for leaf in jax.tree.leaves(tree))
