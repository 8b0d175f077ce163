"""Dividing rows at random so that those of one group stay together."""

import numpy as np


def split_groups(
    groups: np.ndarray, shares: tuple[float, ...], seed: int
) -> tuple[np.ndarray, ...]:
    """Numbers of the rows of each part; all rows of a group are in one part.

    Groups are drawn in random order and dealt out by their rows: the part where a
    group's middle row falls has it. Parts differ from their shares by less than the
    largest group.

    Args:
        groups: [B] whole numbers or text.
        shares: of the rows, of each part but the last, which has the rest.
        seed: of NumPy's default generator.

    Returns:
        One array of row numbers a part, ascending.

    >>> [part.tolist() for part in split_groups(np.array([7, 5, 7, 5]), (0.5,), 0)]
    [[1, 3], [0, 2]]
    """
    _, group, counts = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(counts))
    dealt = counts[order]
    middle = np.empty(len(counts))
    middle[order] = np.cumsum(dealt) - dealt / 2
    part = np.searchsorted(np.cumsum(shares) * len(group), middle, side="right")
    return tuple(np.flatnonzero(part[group] == n) for n in range(len(shares) + 1))


def linked_groups(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """[B] the group of each row, where rows alike in either column are of one.

    Chains count: rows i and k are of one group if a row j shares `first` with the one
    and `second` with the other.

    >>> linked_groups(np.array([1, 1, 2, 3]), np.array([8, 9, 9, 7])).tolist()
    [0, 0, 0, 1]
    """
    # Here: what trains imports this module, and must run without SciPy.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    (left, a), (right, b) = (
        np.unique(column, return_inverse=True) for column in (first, second)
    )
    nodes = len(left) + len(right)
    links = coo_array((np.ones(len(a)), (a, len(left) + b)), shape=(nodes, nodes))
    return connected_components(links, directed=False)[1][a]
