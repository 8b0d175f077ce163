"""Lists and ranks by matrix product against sorting everything, in NumPy."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import ranking_metrics as ranking
from mtlx.retrieval import (
    ApproximateIndex,
    target_ranks,
    target_ranks_in,
    top_k,
    top_k_in,
)

Q, ITEMS, WIDTH, SEEN = 23, 50, 5, 7


@pytest.fixture(scope="module")
def data():
    """Small whole numbers: exact products, and many ties."""
    rng = np.random.default_rng(0)
    queries = rng.integers(-2, 3, (Q, WIDTH)).astype(np.float32)
    items = rng.integers(-2, 3, (ITEMS, WIDTH)).astype(np.float32)
    seen = rng.integers(-1, ITEMS, (Q, SEEN)).astype(np.int32)
    seen[0] = -1
    offered = rng.random(ITEMS) < 0.8
    return queries, items, seen, offered


def left_out(seen, offered):
    mask = np.tile(~offered, (Q, 1))
    for query, row in enumerate(seen):
        mask[query, row[row >= 0]] = True
    return mask


def sorted_lists(queries, items, mask, k):
    scores = np.where(mask, -np.inf, queries @ items.T)
    order = np.argsort(-scores, axis=1, kind="stable")
    found = np.take_along_axis(scores, order, axis=1)
    order = np.where(np.isinf(found), -1, order)
    short = max(0, k - ITEMS)
    return (
        np.pad(found, ((0, 0), (0, short)), constant_values=-np.inf)[:, :k],
        np.pad(order, ((0, 0), (0, short)), constant_values=-1)[:, :k],
    )


@pytest.mark.parametrize(
    "k, query_block, item_block", [(1, 8, 16), (10, 23, 7), (60, 4, 50), (10, 99, 999)]
)
def test_top_k_is_the_head_of_a_full_sort(data, k, query_block, item_block):
    queries, items, seen, offered = data
    blocks = {"query_block": query_block, "item_block": item_block}
    found = top_k(queries, items, k, seen=seen, offered=offered, **blocks)
    scores, lists = sorted_lists(queries, items, left_out(seen, offered), k)
    np.testing.assert_array_equal(found.items, lists)
    np.testing.assert_array_equal(found.scores, scores)
    products = jnp.asarray(queries @ items.T)
    whole = top_k_in(products, k, seen=seen, offered=offered)
    np.testing.assert_array_equal(whole.items, lists)
    np.testing.assert_array_equal(whole.scores, scores)


def test_without_masks_everything_is_listed(data):
    queries, items, _, _ = data
    found = top_k(queries, items, ITEMS, item_block=16)
    nothing = np.zeros((Q, ITEMS), bool)
    lists = sorted_lists(queries, items, nothing, ITEMS)[1]
    np.testing.assert_array_equal(found.items, lists)


def test_memory_is_that_of_blocks_and_a_second_call_compiles_nothing(data):
    queries, items, _, _ = data
    many = np.tile(items, (400, 1))
    program = top_k.lower(queries, many, 3, query_block=8, item_block=64).compile()
    needed = program.memory_analysis().temp_size_in_bytes
    assert needed < 4 * many.size * 2 < 4 * len(many) * Q  # no Q x I array
    before = top_k._cache_size()
    top_k(queries, items, 4)
    top_k(queries + 1, items, 4)
    assert top_k._cache_size() == before + 1


@pytest.mark.parametrize("query_block, item_block", [(8, 16), (99, 999)])
def test_ranks_are_those_of_the_metrics(data, query_block, item_block):
    """Ties go against the target, which is listed though it was seen."""
    queries, items, seen, offered = data
    targets = np.random.default_rng(1).integers(0, ITEMS, Q).astype(np.int32)
    mask = left_out(seen, offered)
    mask[np.arange(Q), targets] = False
    missed = ~offered[targets]
    assert 0 < missed.sum() < Q
    scores = queries @ items.T
    expected = ranking.relevant_ranks(scores, np.eye(ITEMS)[targets], mask).rank
    expected[missed] = np.inf
    masks = {"seen": seen, "offered": offered}
    blocks = {"query_block": query_block, "item_block": item_block}
    found = target_ranks(queries, items, targets, **masks, **blocks)
    np.testing.assert_array_equal(found, expected)
    whole = target_ranks_in(jnp.asarray(scores), targets, **masks)
    np.testing.assert_array_equal(whole, expected)


def test_a_constant_model_ranks_last_whatever_its_vectors_round_to():
    rng = np.random.default_rng(0)
    queries = rng.normal(size=(9, 33)).astype(np.float32)
    items = np.tile(rng.normal(size=(1, 33)), (77, 1)).astype(np.float32)
    ranks = target_ranks(queries, items, np.arange(9, dtype=np.int32), item_block=13)
    np.testing.assert_array_equal(ranks, 77)


def test_ranks_of_what_is_not_there_or_diverged_are_nan(data):
    queries, items, _, _ = data
    targets = np.full(Q, 2, np.int32)
    targets[:2] = -1, ITEMS
    queries, broken = queries.copy(), items.copy()
    queries[5] = np.nan
    ranks = np.asarray(target_ranks(queries, items, targets))
    assert set(np.flatnonzero(np.isnan(ranks))) == {0, 1, 5}
    inside = target_ranks_in(jnp.asarray(queries @ items.T), targets)
    np.testing.assert_array_equal(inside, ranks)
    broken[7] = np.nan
    assert np.isnan(target_ranks(queries, broken, targets)).all()
    offered = np.arange(ITEMS) != 7
    ranks = np.asarray(target_ranks(queries, broken, targets, offered=offered))
    assert not np.isnan(ranks[6:]).any()


def test_ranks_go_through_vmap_as_of_a_population(data):
    queries, items, seen, _ = data
    targets = np.arange(Q, dtype=np.int32)

    def ranks(scale):
        return target_ranks(queries, items * scale, targets, seen=seen, item_block=16)

    both = jax.vmap(ranks)(jnp.array([1.0, -1.0]))
    np.testing.assert_array_equal(both[0], ranks(1.0))
    np.testing.assert_array_equal(both[1], ranks(-1.0))


def test_the_index_finds_nearly_all_that_is_exact():
    rng = np.random.default_rng(0)
    items = rng.normal(size=(2000, 16)).astype(np.float32)
    queries = rng.normal(size=(64, 16)).astype(np.float32)
    seen = np.asarray(top_k(queries, items, 3).items)
    exact = top_k(queries, items, 10, seen=seen)
    found = ApproximateIndex(items).top_k(queries, 10, seen)
    shares = [
        len(set(a) & set(b)) / 10
        for a, b in zip(np.asarray(exact.items), found.items, strict=True)
    ]
    assert np.mean(shares) > 0.95
    assert not (found.items[:, :, None] == seen[:, None]).any()
    assert (np.diff(found.scores, axis=1) <= 0).all()
    same = found.items[:, 0] == exact.items[:, 0]
    np.testing.assert_allclose(found.scores[same, 0], exact.scores[same, 0], rtol=1e-5)


def test_a_short_catalogue_ends_in_none():
    found = ApproximateIndex(np.eye(3)).top_k(np.eye(3), 5)
    assert (found.items[:, 3:] == -1).all()
    assert np.isneginf(found.scores[:, 3:]).all()


def test_without_faiss_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'mtlx\[ann\]'"):
        ApproximateIndex(np.eye(3))
    with pytest.raises(ValueError, match="finite vectors"):
        ApproximateIndex(np.full((2, 2), np.nan))
