"""A catalogue in blocks, and which of its items a list may hold."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mtlx.types import Array, Bool, Float, Int, PyTree

HostArray = np.ndarray | Array
Vectors = Float[HostArray, "_ width"]
ItemIds = Int[HostArray, "queries _"]  # -1 for none


class Block(NamedTuple):
    """Some consecutive items; in a scan every leaf has an axis of blocks before."""

    vectors: Array  # [N, D]
    offered: Array  # [N] bool, False for items that no list holds, and for padding
    first: Array  # [] int32, number of the first


def item_blocks(
    items: Vectors, offered: Bool[HostArray, "items"] | None, size: int
) -> Block:
    """All items in blocks of one size, the last filled up with items not offered."""
    count = len(items)
    size = max(1, min(size, count))
    blocks = -(-count // size)
    spare = blocks * size - count
    if offered is None:
        offered = jnp.ones(count, bool)
    return Block(
        jnp.pad(jnp.asarray(items), ((0, spare), (0, 0))).reshape(blocks, size, -1),
        jnp.pad(jnp.asarray(offered), (0, spare)).reshape(blocks, size),
        jnp.arange(blocks, dtype=jnp.int32) * size,
    )


def scores_of(
    queries: Float[Array, "queries width"], block: Block
) -> Float[Array, "queries _"]:
    """q v of every item of the block, in float32."""
    return jnp.matmul(
        queries.astype(jnp.float32),
        block.vectors.astype(jnp.float32).T,
        precision=jax.lax.Precision.HIGHEST,
    )


def listed(block: Block, seen: Int[Array, "queries _"]) -> Bool[Array, "queries _"]:
    """Which items of the block each query's list may hold.

    Args:
        block: of items.
        seen: [Q, S] items that each query's list leaves out, -1 for none.
    """
    queries, size = seen.shape[0], len(block.offered)
    place = seen - block.first
    place = jnp.where((place >= 0) & (place < size), place, size)
    rows = jnp.arange(queries, dtype=jnp.int32)[:, None]
    free = jnp.ones((queries, size), bool).at[rows, place].set(False, mode="drop")
    return free & block.offered[None]


def in_blocks(function, size: int, *arrays: PyTree):
    """`function` of rows [Q, ..] of arrays, or trees of them, `size` rows at a time."""
    count = len(jax.tree.leaves(arrays)[0])
    size = max(1, min(size, count))
    blocks = -(-count // size)

    def cut(x):
        pad = [(0, blocks * size - count)] + [(0, 0)] * (x.ndim - 1)
        return jnp.pad(x, pad).reshape(blocks, size, *x.shape[1:])

    parts = jax.lax.map(lambda part: function(*part), jax.tree.map(cut, arrays))
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:])[:count], parts)


def as_seen(seen: ItemIds | None, queries: Any) -> Int[Array, "queries _"]:
    """Items to leave out; none where `seen` is None. `queries`, their number, may be a
    symbol."""
    if seen is None:
        return jnp.full((queries, 1), -1, jnp.int32)
    return jnp.asarray(seen, jnp.int32)
