"""What lists of recommendations are like, whether or not they are right.

All take `lists` [Q, K], the items recommended to each of Q users as numbers 0 .. I - 1,
best first, -1 where a list is shorter; and run on the host in float64. Without a single
recommendation they are NaN.
"""

import math

import numpy as np


def catalogue_coverage(lists: np.ndarray, num_items: int) -> float:
    """Share of the I items of the catalogue that are in some list."""
    items = _recommended(lists, num_items)
    return len(np.unique(items)) / num_items if items.size else math.nan


def novelty(lists: np.ndarray, counts: np.ndarray) -> float:
    """Mean self-information of a recommended item in bits, -log2 p_i.

    p_i = (n_i + 1) / (N + I) for an item with n_i of N interactions in training; the
    one that is added lets an item that was never met be recommended.

    Args:
        lists: see the module.
        counts: [I] n_i.

    Reference: Zhou et al., "Solving the apparent diversity-accuracy dilemma of
    recommender systems", PNAS 2010, where p_i is a share of the users and not smoothed.
    """
    counts = np.asarray(counts, np.float64)
    items = _recommended(lists, len(counts))
    information = -np.log2((counts + 1) / (counts.sum() + len(counts)))
    return float(np.mean(information[items])) if items.size else math.nan


def intra_list_diversity(lists: np.ndarray, vectors: np.ndarray) -> float:
    """Mean over lists of the mean of 1 - cos(v_i, v_j) over the pairs of its items.

    Lists of fewer than two items are left out. A vector of zeros is unlike all others.

    Args:
        lists: see the module.
        vectors: [I, D] of the items.

    Reference: Ziegler et al., "Improving recommendation lists through topic
    diversification", WWW 2005, as a mean.
    """
    vectors = np.asarray(vectors, np.float64)
    _recommended(lists, len(vectors))
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = np.where(length > 0, vectors / np.where(length > 0, length, 1.0), 0.0)
    there = np.asarray(lists) >= 0
    unit = np.where(there[..., None], vectors[np.maximum(lists, 0)], 0.0)
    # |sum of units|^2 holds each pair twice, and each item with itself once.
    alone = np.square(unit).sum(axis=(1, 2))
    pairs = np.square(unit.sum(axis=1)).sum(axis=1) - alone
    size = there.sum(axis=1)
    long = size > 1
    if not long.any():
        return math.nan
    return float(np.mean(1 - pairs[long] / (size[long] * (size[long] - 1))))


def average_popularity(lists: np.ndarray, counts: np.ndarray) -> float:
    """Mean over lists of the mean number n_i of interactions of their items (ARP).

    Args:
        lists: see the module.
        counts: [I] n_i in training.

    Reference: Yin et al., "Challenging the long tail recommendation", VLDB 2012.
    """
    counts = np.asarray(counts, np.float64)
    _recommended(lists, len(counts))
    there = np.asarray(lists) >= 0
    total = np.where(there, counts[np.maximum(lists, 0)], 0.0).sum(axis=1)
    some = there.any(axis=1)
    if not some.any():
        return math.nan
    return float(np.mean(total[some] / there[some].sum(axis=1)))


def gini(lists: np.ndarray, num_items: int) -> float:
    """Gini index of how often each item is recommended: 0 all alike, 1 - 1/I one alone.

    G = sum_j (2 j - I - 1) x_j / (I sum_j x_j), x_1 <= .. <= x_I the frequencies of all
    items of the catalogue, those that are never recommended included.
    """
    items = _recommended(lists, num_items)
    if not items.size:
        return math.nan
    times = np.sort(np.bincount(items, minlength=num_items)).astype(np.float64)
    order = 2 * np.arange(1, num_items + 1) - num_items - 1
    return float(order @ times / (num_items * times.sum()))


def _recommended(lists: np.ndarray, num_items: int) -> np.ndarray:
    """All items in the lists, repeated."""
    lists = np.asarray(lists)
    if lists.ndim != 2:
        raise ValueError(f"expected lists of shape [Q, K], found {lists.shape}.")
    items = lists[lists >= 0]
    if items.size and items.max() >= num_items:
        raise ValueError(
            f"expected items 0 .. {num_items - 1}, found {items.max()}; count and "
            f"number the items of the whole catalogue."
        )
    return items
