"""Where one item of interest stands in a query's list of the whole catalogue."""

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
from mtlx.types import Array, Bool, Float, Int

# Two scores of one value come out of a product this far apart, relative to |q||v|.
ROUNDING = 1e-6


def target_ranks(
    queries: Vectors,
    items: Vectors,
    targets: Int[HostArray, "queries"],
    *,
    seen: ItemIds | None = None,
    offered: Bool[HostArray, "items"] | None = None,
    query_block: int = 1024,
    item_block: int = 8192,
) -> Float[Array, "queries"]:
    """1 + the number of other items that a query's list may hold and score no less.

    So a tie counts against the target, and a model that says the same of all items
    ranks it last; what `mtlx.ranking_metrics` asks for. Scores within the rounding of a
    float32 product tie. The target counts as listed though it is among `seen`. One that
    is not offered is in no list: its rank is inf, a miss at every length.

    Args:
        queries: [Q, D].
        items: [I, D].
        targets: [Q] item numbers; one outside 0 .. I - 1 gives NaN.
        seen, offered, query_block, item_block: as in `top_k`.

    Returns:
        [Q] float32; NaN where the score of a listed item or of the target is NaN.
    """
    items = jnp.asarray(items)

    def ranks(queries, targets, seen):
        vectors = jnp.take(items, targets, axis=0, mode="fill").astype(jnp.float32)
        queries = queries.astype(jnp.float32)
        score = jnp.sum(queries * vectors, axis=1)
        lengths = jnp.linalg.norm(queries, axis=1) * jnp.linalg.norm(vectors, axis=1)
        least = score - ROUNDING * lengths

        def count(total, block):
            return total + _ahead(queries, targets, least, block, seen), None

        ahead, _ = jax.lax.scan(count, jnp.zeros(len(queries)), blocks)
        return _rank(score, ahead, targets, offered)

    blocks = item_blocks(items, offered, item_block)
    # Past the end, and no numbering from behind.
    targets = jnp.where(targets < 0, len(items), targets)
    seen = as_seen(seen, len(queries))
    return in_blocks(ranks, query_block, jnp.asarray(queries), targets, seen)


def target_ranks_in(
    scores: Float[Array, "queries items"],
    targets: Int[HostArray, "queries"],
    *,
    seen: ItemIds | None = None,
    offered: Bool[HostArray, "items"] | None = None,
) -> Float[Array, "queries"]:
    """`target_ranks` where the scores of all items are at hand."""
    everything = jnp.ones(scores.shape[1], bool) if offered is None else offered
    block = Block(scores, jnp.asarray(everything), jnp.zeros((), jnp.int32))
    targets = jnp.where(targets < 0, scores.shape[1], targets)
    score = jnp.take_along_axis(scores, targets[:, None], axis=1, mode="fill")
    mask = listed(block, as_seen(seen, len(scores)))
    ahead = _count(scores, score[:, 0], mask, targets)
    return _rank(score[:, 0], ahead, targets, offered)


def _rank(score, ahead, targets, offered) -> Float[Array, "queries"]:
    rank = 1 + ahead
    if offered is not None:
        there = jnp.take(jnp.asarray(offered), targets, mode="fill", fill_value=True)
        rank = jnp.where(there | jnp.isnan(rank), rank, jnp.inf)
    return jnp.where(jnp.isnan(score), jnp.nan, rank)


def _ahead(queries, targets, least, block: Block, seen) -> Float[Array, "queries"]:
    mask = listed(block, seen)
    return _count(scores_of(queries, block), least, mask, targets - block.first)


def _count(scores, least, mask, targets) -> Float[Array, "queries"]:
    """How many of the listed items but the target score no less; NaN with a NaN."""
    numbers = jnp.arange(scores.shape[1], dtype=jnp.int32)
    mask = mask & (numbers[None] != targets[:, None])
    count = jnp.sum(mask & (scores >= least[:, None]), axis=1, dtype=jnp.float32)
    strange = jnp.any(mask & jnp.isnan(scores), axis=1)
    return jnp.where(strange, jnp.nan, count)
