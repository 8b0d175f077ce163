"""How far two partitions of the same things agree, and whether by chance."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

Parts = Sequence[int] | np.ndarray
PERMUTATIONS = 10_000


class Agreement(NamedTuple):
    """`index` 1: the same partition; 0: as of chance."""

    index: float
    p_value: float


def adjusted_rand(first: Parts, second: Parts) -> float:
    """The adjusted Rand index of two partitions.

        (I - E) / (M - E),   I = sum_ab C(n_ab, 2),   E = A B / C(n, 2),
        M = (A + B) / 2,

    with n_ab things in part a of the one and b of the other, A = sum_a C(n_a, 2) and B
    likewise: I is the number of pairs together in both, E its mean over permutations.

    Args:
        first, second: [N] the part that each thing is in.

    Returns:
        At most 1; 1 also where both are all together or all apart.

    Raises:
        ValueError: not as many things, or fewer than two.

    Reference: Hubert and Arabie, "Comparing Partitions", Journal of Classification 2,
        1985, equation 5.

    >>> adjusted_rand([0, 0, 1, 1], [5, 5, 3, 3])
    1.0
    """
    if len(first) != len(second) or len(first) < 2:
        raise ValueError(
            f"Expected two partitions of the same two things or more, found "
            f"{len(first)} and {len(second)}."
        )
    table = _table(first, second)
    together = _pairs(table).sum()
    a, b = _pairs(table.sum(axis=1)).sum(), _pairs(table.sum(axis=0)).sum()
    chance, most = a * b / _pairs(table.sum(keepdims=True)).item(), (a + b) / 2
    return 1.0 if most == chance else float((together - chance) / (most - chance))


def agreement(found: Parts, known: Parts, seed: int = 0) -> Agreement:
    """The index, and the share of relabellings of the things that agree no less.

    p = (1 + #{index of a permutation >= index}) / (1 + 10,000): exact for the
    hypothesis that `found` has nothing to do with `known`, given its sizes.

    Args:
        found, known: [N] the part that each thing is in.
        seed: of the permutations.
    """
    index = adjusted_rand(found, known)
    # Sizes stay, so that an index is no less where no fewer pairs are together in both.
    (_, one), (_, other) = (np.unique(x, return_inverse=True) for x in (found, known))
    others, rng = np.eye(other.max() + 1)[other], np.random.default_rng(seed)
    labels = np.eye(one.max() + 1)[one]
    least, beyond = _pairs(labels.T @ others).sum(), 0
    for _ in range(PERMUTATIONS):
        beyond += _pairs(rng.permutation(labels).T @ others).sum() >= least
    return Agreement(index, (1 + int(beyond)) / (1 + PERMUTATIONS))


class Contrast(NamedTuple):
    """Mean affinity of two tasks of one cluster, and of two of different ones."""

    within: float
    between: float
    p_value: float


def contrast(affinity: np.ndarray, known: Parts, seed: int = 0) -> Contrast:
    """Whether tasks help those of their own cluster more, and whether by chance.

    p = (1 + #{within - between of a permutation of the clusters >= within - between})
    / (1 + 10,000). Unlike the agreement of groups it uses every pair.

    Args:
        affinity: Z [T, T]; its diagonal is not read.
        known: [T] the cluster of each task.
        seed: of the permutations.

    Raises:
        ValueError: fewer than two clusters, or no two tasks of one.
    """
    _, known = np.unique(known, return_inverse=True)
    sizes = np.bincount(known)
    if len(sizes) < 2 or sizes.max() < 2:
        raise ValueError(
            f"Expected two clusters or more, one of them of two tasks or more, found "
            f"clusters of {sizes.tolist()}."
        )
    off = np.array(affinity, np.float64)
    np.fill_diagonal(off, 0.0)
    member = np.eye(len(sizes))[known]
    inside, pairs = _pairs(sizes).sum() * 2, len(off) * (len(off) - 1)

    def within(member):
        return np.einsum("ig,ij,jg->", member, off, member, optimize=True) / inside

    found = within(member)
    between = (off.sum() - found * inside) / (pairs - inside)
    rng = np.random.default_rng(seed)
    # The sum over all pairs stays: the larger within, the larger the difference.
    drawn = [within(rng.permutation(member)) for _ in range(PERMUTATIONS)]
    beyond = int(np.sum(np.array(drawn) >= found - 1e-12 * abs(found)))
    return Contrast(float(found), float(between), (1 + beyond) / (1 + PERMUTATIONS))


def _table(first: Parts, second: Parts) -> np.ndarray:
    (a, rows), (b, columns) = (
        np.unique(x, return_inverse=True) for x in (first, second)
    )
    table = np.zeros((len(a), len(b)))
    np.add.at(table, (rows, columns), 1)
    return table


def _pairs(counts: np.ndarray) -> np.ndarray:
    return counts * (counts - 1) / 2
