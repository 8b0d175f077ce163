"""The best k of a whole catalogue, by matrix product."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtlx.retrieval.blocks import (
    Block,
    HostArray,
    ItemIds,
    Vectors,
    as_seen,
    in_blocks,
    item_blocks,
    listed,
    scores_of,
)
from mtlx.types import Array, Bool, Float


class TopK(NamedTuple):
    """The lists of Q queries, best first."""

    scores: Array  # [Q, k] float32, -inf where there is no item
    items: Array  # [Q, k] int32, -1 where there is no item


@functools.partial(jax.jit, static_argnames=("k", "query_block", "item_block"))
def top_k(
    queries: Vectors,
    items: Vectors,
    k: int,
    *,
    seen: ItemIds | None = None,
    offered: Bool[HostArray, "items"] | None = None,
    query_block: int | None = 1024,
    item_block: int = 8192,
) -> TopK:
    """The k items of the largest q v, for every query: what sorting all would give.

    Of the Q x I scores those of one block of queries and items exist at a time, so that
    memory is `query_block * (item_block + k)` numbers beside the vectors. The best k so
    far and the scores of the next block are merged by one `lax.top_k`, in which of
    items with one score that of the lower number is first.

    Args:
        queries: [Q, D].
        items: [I, D].
        k: length of the lists; it may exceed I.
        seen: [Q, S] items that a query's list leaves out, -1 for none.
        offered: [I] bool, False for items that no list holds; None: all are.
        query_block, item_block: sizes of the blocks; of queries None: all in one,
            whose number may then be a symbol (`jax.export`).

    Returns:
        Lists [Q, k]; where fewer than k items are left they end in -1.
    """

    def lists(queries, seen):
        rows = queries.shape[0]
        empty = jnp.full((rows, k), -jnp.inf), jnp.full((rows, k), -1, jnp.int32)

        def merge(best, block):
            mask = listed(block, seen)
            scores = jnp.where(mask, scores_of(queries, block), -jnp.inf)
            numbers = block.first + jnp.arange(scores.shape[1], dtype=jnp.int32)
            numbers = jnp.where(mask, numbers[None], -1)
            scores = jnp.concatenate([best[0], scores], axis=1)
            numbers = jnp.concatenate([best[1], numbers], axis=1)
            scores, place = jax.lax.top_k(scores, k)
            return (scores, jnp.take_along_axis(numbers, place, axis=1)), None

        return TopK(*jax.lax.scan(merge, empty, blocks)[0])

    blocks = item_blocks(items, offered, item_block)
    queries = jnp.asarray(queries)
    seen = as_seen(seen, queries.shape[0])
    if query_block is None:
        return lists(queries, seen)
    return in_blocks(lists, query_block, queries, seen)


def top_k_in(
    scores: Float[Array, "queries items"],
    k: int,
    *,
    seen: ItemIds | None = None,
    offered: Bool[HostArray, "items"] | None = None,
) -> TopK:
    """`top_k` where the scores of all items are at hand."""
    queries, count = scores.shape
    everything = jnp.ones(count, bool) if offered is None else jnp.asarray(offered)
    block = Block(scores, everything, jnp.zeros((), jnp.int32))
    mask = listed(block, as_seen(seen, queries))
    best, items = jax.lax.top_k(jnp.where(mask, scores, -jnp.inf), min(k, count))
    items = jnp.where(jnp.take_along_axis(mask, items, axis=1), items, -1)
    short = ((0, 0), (0, max(0, k - count)))
    return TopK(
        jnp.pad(best, short, constant_values=-jnp.inf),
        jnp.pad(items, short, constant_values=-1),
    )
