"""Ranking metrics against scikit-learn, and against lists that are sorted in a loop."""

import functools
import itertools
import math

import numpy as np
import pytest
from sklearn import metrics as sk

from mtlx import ranking_metrics as ranking
from mtlx.metrics import CUTOFFS, METRICS, evaluate
from mtlx.tasks import Task

Q, ITEMS = 40, 17


def make(seed=0, levels=None, grades=3, share=0.3):
    """Scores, grades (some queries have none) and items that are left out."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(Q, ITEMS))
    if levels:
        scores = np.round(scores * levels) / levels
    relevance = rng.integers(1, grades + 1, (Q, ITEMS)) * (
        rng.random((Q, ITEMS)) < share
    )
    relevance[:3] = 0
    excluded = rng.random((Q, ITEMS)) < 0.2
    return scores, relevance.astype(float), excluded


def the_lists(scores, relevance, excluded):
    """Grades in the order of each list, ties against the model; no empty lists."""
    for s, y, out in zip(scores, relevance, excluded, strict=True):
        keep = [i for i in range(len(s)) if not out[i]]
        keep.sort(key=lambda i, s=s, y=y: (-s[i], y[i]))
        grades = [y[i] for i in keep]
        if any(grades):
            yield grades


def by_hand(name, grades, k):
    hits = [g > 0 for g in grades]
    top = hits[:k]
    if name == "recall":
        return sum(top) / sum(hits)
    if name == "hit_rate":
        return float(any(top))
    if name == "precision":
        return sum(top) / k
    if name == "map":
        precisions = [sum(hits[: r + 1]) / (r + 1) for r in range(len(top)) if top[r]]
        return sum(precisions) / min(k, sum(hits))
    if name == "mrr":
        return 1 / (1 + hits.index(True))

    def dcg(grades):
        return sum((2**g - 1) / math.log2(r + 2) for r, g in enumerate(grades[:k]))

    return dcg(grades) / dcg(sorted(grades, reverse=True))


@pytest.mark.parametrize("k", [1, 3, 10, 100])
@pytest.mark.parametrize("name", ranking.AT_K)
@pytest.mark.parametrize("levels", [None, 1])
def test_equals_the_formula_on_sorted_lists(name, k, levels):
    """With graded relevance, ties, items left out, and a k beyond the catalogue."""
    for seed in range(3):
        data = make(seed, levels)
        expected = [by_hand(name, grades, k) for grades in the_lists(*data)]
        assert 0 < len(expected) < Q
        found = ranking.AT_K[name](ranking.relevant_ranks(*data), k)
        assert found == pytest.approx(np.mean(expected), abs=1e-12)


def test_mrr_is_of_the_first_relevant_item_up_to_k():
    data = make(1, levels=2)
    ranks = ranking.relevant_ranks(*data)
    expected = np.array([by_hand("mrr", g, None) for g in the_lists(*data)])
    assert ranking.mean_reciprocal_rank(ranks) == pytest.approx(expected.mean())
    cut = np.where(expected >= 1 / 3, expected, 0).mean()
    assert ranking.mean_reciprocal_rank(ranks, 3) == pytest.approx(cut)


@pytest.mark.parametrize("k", [1, 5, ITEMS])
@pytest.mark.parametrize("grades", [1, 4])
def test_ndcg_with_plain_gains_is_scikit_learns(k, grades):
    scores, relevance, _ = make(2, grades=grades)
    some = relevance.any(axis=1)
    expected = sk.ndcg_score(relevance[some], scores[some], k=k)
    ranks = ranking.relevant_ranks(scores, relevance)
    assert ranking.ndcg(ranks, k, exponential=False) == pytest.approx(expected)
    if grades == 1:
        assert ranking.ndcg(ranks, k) == pytest.approx(expected)


def test_map_of_whole_lists_is_scikit_learns_average_precision():
    scores, relevance, _ = make(3)
    some = relevance.any(axis=1)
    expected = np.mean(
        [
            sk.average_precision_score(y > 0, s)
            for y, s in zip(relevance[some], scores[some], strict=True)
        ]
    )
    lrap = sk.label_ranking_average_precision_score(relevance[some] > 0, scores[some])
    found = ranking.mean_average_precision(
        ranking.relevant_ranks(scores, relevance), ITEMS
    )
    assert found == pytest.approx(expected) == pytest.approx(lrap)


@pytest.mark.parametrize("name", ranking.AT_K)
def test_ties_are_the_worst_order_that_sorting_may_make(name):
    scores = np.array([[2.0, 1.0, 1.0, 1.0, 0.0]])
    relevance = np.array([[0.0, 2.0, 0.0, 1.0, 1.0]])
    ties = [1, 2, 3]
    for k in (1, 2, 3, 4):
        orders = [
            by_hand(name, relevance[0][[0, *order, 4]].tolist(), k)
            for order in itertools.permutations(ties)
        ]
        found = ranking.AT_K[name](ranking.relevant_ranks(scores, relevance), k)
        assert found == pytest.approx(min(orders))


def test_a_model_that_says_the_same_of_all_gains_nothing():
    relevance = np.eye(ITEMS)[:5]
    ranks = ranking.relevant_ranks(np.zeros((5, ITEMS)), relevance)
    assert ranking.hit_rate(ranks, ITEMS - 1) == 0
    assert ranking.hit_rate(ranks, ITEMS) == 1


def test_an_item_that_no_list_has_is_missed_at_every_length():
    ranks = ranking.Ranks(
        np.array([0, 0, 1]), np.array([1, np.inf, np.inf]), np.ones(3)
    )
    for name, whole in (("recall", 0.25), ("hit_rate", 0.5), ("map", 0.25)):
        assert ranking.AT_K[name](ranks, 10**9) == pytest.approx(whole)
    assert ranking.mean_reciprocal_rank(ranks) == 0.5
    first = 1 / (1 + 1 / math.log2(3))
    assert ranking.ndcg(ranks, 5) == pytest.approx(first / 2)


def test_items_left_out_are_neither_found_nor_missed():
    scores, relevance = np.array([[3.0, 2.0, 1.0]]), np.array([[1.0, 0.0, 1.0]])
    ranks = ranking.relevant_ranks(scores, relevance, np.array([[True, False, False]]))
    assert ranks.rank.tolist() == [2]
    assert ranking.recall(ranks, 2) == 1


@pytest.mark.parametrize("name", [*ranking.AT_K, "mrr"])
def test_nothing_relevant_is_nan_and_so_is_a_diverged_model(name):
    figure = ranking.AT_K.get(name, ranking.mean_reciprocal_rank)
    none = ranking.relevant_ranks(np.zeros((2, 3)), np.zeros((2, 3)))
    assert math.isnan(figure(none, 5))
    scores = np.zeros((2, 3))
    scores[1, 0] = np.nan
    assert math.isnan(figure(ranking.relevant_ranks(scores, np.eye(3)[:2]), 5))


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"one shape \[Q, I\]"):
        ranking.relevant_ranks(np.zeros((2, 3)), np.zeros((2, 4)))
    with pytest.raises(ValueError, match="grades >= 0, found -1"):
        ranking.relevant_ranks(np.zeros((1, 1)), -np.ones((1, 1)))


RETRIEVAL = [name for name in METRICS if METRICS[name].by_query]


def _state(metric, rows, queries):
    ranks, items = rows
    return metric.measure(ranks, items, np.ones(len(ranks), bool), queries)


@pytest.mark.parametrize("name", RETRIEVAL)
def test_metrics_of_a_task_are_those_of_its_lists_however_they_are_cut(name):
    scores, relevance, excluded = make(4, levels=2, grades=1)
    data = ranking.relevant_ranks(scores, relevance, excluded)
    _, item = np.nonzero((relevance > 0) & ~excluded)
    family, _, k = name.partition("@")
    if family == "mrr":
        expected = ranking.mean_reciprocal_rank(data)
    else:
        expected = ranking.AT_K[family](data, int(k))
    metric, half = METRICS[name], len(item) // 2
    # In the second piece some rows again: an item bought twice is relevant once.
    parts = [slice(0, half), slice(half - 4, None)]
    states = [
        _state(metric, (data.rank[p], item[p]), data.query[p].astype(int))
        for p in parts
    ]
    merged = metric.compute(metric.merge(states[1], states[0]))
    assert merged == pytest.approx(expected, rel=1e-12)
    alone = metric.compute(_state(metric, (data.rank, item), None))
    each = [METRICS[name].compute(_state(metric, ([r], [0]), None)) for r in data.rank]
    assert alone == pytest.approx(np.mean(each), rel=1e-12)


def test_evaluate_reads_ranks_of_a_retrieval_task():
    metrics = ("accuracy@5", "hit_rate@5", "recall@5", "mrr")
    task = Task("buy", "regression", metrics=metrics)
    ranks, items = np.array([1.0, 7.0, 5.0, 2.0, np.nan]), np.arange(5)
    where = np.array([True, True, True, True, False])
    score = functools.partial(
        evaluate, [task], {"buy": ranks}, {"buy": items}, {"buy": where}
    )
    alone = {"accuracy@5": 0.75, "hit_rate@5": 0.75, "recall@5": 0.75}
    alone["mrr"] = pytest.approx((1 + 1 / 7 + 1 / 5 + 1 / 2) / 4)
    assert score()["buy"] == alone
    together = score(queries={"buy": np.array([3, 3, 8, 8, 8])})["buy"]
    assert together == {
        "accuracy@5": 0.75,  # of rows
        "hit_rate@5": 1.0,
        "recall@5": 0.75,
        "mrr": 0.75,
    }
    assert math.isnan(
        evaluate([task], {"buy": ranks}, {"buy": items}, {"buy": np.ones(5, bool)})[
            "buy"
        ]["accuracy@5"]
    )


def test_all_cut_offs_are_there():
    for k in CUTOFFS:
        assert {f"{name}@{k}" for name in [*ranking.AT_K, "accuracy"]} <= set(METRICS)
