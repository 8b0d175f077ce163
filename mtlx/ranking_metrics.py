"""How well a list of items answers a query: functions of the ranks of relevant items.

A query (a user, a search, a session) has relevant items, and a rank for each of them in
its list of the catalogue. All that the measures here read is `Ranks`, one row for each
relevant item; `relevant_ranks` makes them of scores, `mtlx.train.ranking` of vectors on
the device. All run on the host in float64, and

* ties go against the model: of items with one score the less relevant stand in front.
  It is an order that sorting might have made, the worst of them, so that a model which
  says the same of all items gains nothing;
* a query without a relevant item has no row and is left out of every mean;
* an item of rank inf (new to the catalogue, say) is missed at every length; one that is
  left out of its list (seen before) is no relevant item, and has no row;
* k may exceed the catalogue;
* a rank that is NaN (of a diverged model) makes the measure NaN.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Ranks(NamedTuple):
    """One row for each relevant item of a query."""

    query: np.ndarray  # [P] numbers; NaN: the row is a query by itself
    rank: np.ndarray  # [P] place in the query's list, from 1
    gain: np.ndarray  # [P] above 0; 1 where relevance is yes or no


def relevant_ranks(
    scores: np.ndarray, relevance: np.ndarray, excluded: np.ndarray | None = None
) -> Ranks:
    """Ranks of the relevant items of Q queries over I items.

    Args:
        scores: [Q, I], higher is better.
        relevance: [Q, I] grades; above 0 is relevant, and the grade is the gain.
        excluded: [Q, I] bool, True for items that the list leaves out.

    Raises:
        ValueError: arrays of unlike shapes, or a grade below 0.
    """
    scores = np.asarray(scores, np.float64)
    relevance = np.asarray(relevance, np.float64)
    excluded = np.zeros(scores.shape, bool) if excluded is None else excluded
    if scores.ndim != 2 or not scores.shape == relevance.shape == excluded.shape:
        raise ValueError(
            f"expected scores, relevance and excluded of one shape [Q, I], found "
            f"{scores.shape}, {relevance.shape}, {excluded.shape}."
        )
    if relevance.size and relevance.min() < 0:
        raise ValueError(f"expected grades >= 0, found {relevance.min():g}.")
    query, item = np.nonzero((relevance > 0) & ~excluded)
    listed = np.sort(np.where(excluded, -np.inf, scores), axis=1)
    rank = np.array(
        [
            scores.shape[1] - np.searchsorted(listed[q], scores[q, i])
            for q, i in zip(query, item, strict=True)
        ],
        np.float64,
    )
    # An item at -inf ties with those left out, which are behind it nevertheless.
    rank = np.minimum(rank, (~excluded).sum(axis=1)[query])
    undefined = np.isnan(np.where(excluded, 0.0, scores)).any(axis=1)
    rank = np.where(undefined[query], np.nan, rank)
    return Ranks(query.astype(np.float64), rank, relevance[query, item])


def recall(ranks: Ranks, k: int) -> float:
    """Mean over queries of (relevant items among the first k) / (relevant items)."""
    lists = _Lists(ranks)
    return lists.mean(lists.sum(lists.rank <= k) / lists.size)


def hit_rate(ranks: Ranks, k: int) -> float:
    """Share of the queries with a relevant item among the first k."""
    lists = _Lists(ranks)
    return lists.mean(lists.sum(lists.rank <= k) > 0)


def precision(ranks: Ranks, k: int) -> float:
    """Mean over queries of (relevant items among the first k) / k."""
    lists = _Lists(ranks)
    return lists.mean(lists.sum(lists.rank <= k) / k)


def mean_average_precision(ranks: Ranks, k: int) -> float:
    """Mean of (1 / min(k, relevant items)) sum_{hits at rank r <= k} (hits to r) / r.

    The divisor is what a perfect list would sum to, so that it scores 1.
    """
    lists = _Lists(ranks)
    at_each = np.where(lists.rank <= k, (lists.place + 1) / lists.rank, 0.0)
    return lists.mean(lists.sum(at_each) / np.minimum(lists.size, k))


def mean_reciprocal_rank(ranks: Ranks, k: int | None = None) -> float:
    """Mean over queries of 1 / (rank of the first relevant item); 0 if beyond k."""
    lists = _Lists(ranks)
    first = lists.rank[lists.place == 0]
    return lists.mean(np.where(first <= (k or math.inf), 1.0 / first, 0.0))


def ndcg(ranks: Ranks, k: int, exponential: bool = True) -> float:
    """Mean over queries of DCG / (DCG of the best order).

    DCG = sum_{r <= k} g_r / log2(1 + r), g_r the gain of the item in place r.

    Args:
        ranks: of the relevant items.
        k: length of the list.
        exponential: whether a grade y gains g = 2^y - 1 (Burges et al., 2005), or y
            itself (Jarvelin and Kekalainen, 2002); the same for yes and no.
    """
    lists = _Lists(ranks)
    gain = np.exp2(lists.gain) - 1 if exponential else lists.gain
    found = lists.sum(_discounted(gain, lists.rank, k))
    ideal = np.lexsort((-gain, lists.number))
    best = lists.sum(_discounted(gain[ideal], lists.place + 1, k))
    return lists.mean(found / best)


AT_K = {
    "recall": recall,
    "hit_rate": hit_rate,
    "precision": precision,
    "ndcg": ndcg,
    "map": mean_average_precision,
}


def measure(
    ranks: np.ndarray, items: np.ndarray, queries: np.ndarray | None
) -> np.ndarray:
    """State [P, 3] of (query, item, rank); without `queries` each row is one."""
    if queries is None:
        queries = np.full(len(ranks), np.nan)
    return np.stack([queries.astype(np.float64), items, ranks], axis=1)


def merge(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The state of both sets of rows."""
    return np.concatenate([a, b])


def compute(state: np.ndarray, figure: Callable[..., float], **options: int) -> float:
    """`figure` of the ranks in a state, of items that are relevant or not.

    An item that a query has in several rows (bought twice) is one relevant item.
    """
    single = np.isnan(state[:, 0])
    _, first = np.unique(state[~single, :2], axis=0, return_index=True)
    query, _, rank = np.concatenate([state[single], state[~single][first]]).T
    return figure(Ranks(query, rank, np.ones(len(rank))), **options)


def _discounted(gain: np.ndarray, rank: np.ndarray, k: int) -> np.ndarray:
    return np.where(rank <= k, gain / np.log2(1 + rank), 0.0)


class _Lists:
    """Ranks in order of query, then of rank, with ties resolved.

    Of m relevant items with one rank r, where r counts all that tie, the places are
    r - m + 1 .. r, the greatest gain last.
    """

    def __init__(self, ranks: Ranks):
        query, rank, gain = (np.asarray(x, np.float64) for x in ranks)
        _, number = np.unique(query, return_inverse=True, equal_nan=False)
        order = np.lexsort((gain, rank, number))
        self.number, rank = number[order], rank[order]
        self.gain, self.defined = gain[order], not np.isnan(rank).any()
        self.size = np.bincount(self.number)
        start = np.cumsum(self.size) - self.size
        self.place = np.arange(len(rank)) - start[self.number]
        self.rank = rank - _after(self.number, rank)

    def sum(self, values: np.ndarray) -> np.ndarray:
        """By query."""
        return np.bincount(self.number, values, len(self.size))

    def mean(self, values: np.ndarray) -> float:
        """Over queries."""
        if not len(values) or not self.defined:
            return math.nan
        return float(np.mean(values))


def _after(number: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """How many rows of the same query and rank stand behind each row."""
    changes = (number[1:] != number[:-1]) | (rank[1:] != rank[:-1])
    last = np.flatnonzero(np.append(changes, True)[: len(rank)])
    return last[np.searchsorted(last, np.arange(len(rank)))] - np.arange(len(rank))
