"""Dividing the rows of every group at random, so that each part has its share."""

import numpy as np


def split_within(
    groups: np.ndarray, shares: tuple[float, ...], seed: int
) -> tuple[np.ndarray, ...]:
    """Numbers of the rows of each part; every group is divided by the same shares.

    Of a group of n rows the first k parts together have round(n (s_1 + .. + s_k)).

    Args:
        groups: [B] whole numbers or text.
        shares: of the rows of a group, of each part but the last, which has the rest.
        seed: of NumPy's default generator.

    Returns:
        One array of row numbers a part, ascending.

    Raises:
        ValueError: a share that is not above 0, or all together 1 or more.

    >>> parts = split_within(np.array([7, 5, 7, 5, 7, 7]), (0.5,), 0)
    >>> [part.tolist() for part in parts]
    [[2, 3, 5], [0, 1, 4]]
    """
    if min(shares) <= 0 or sum(shares) >= 1:
        raise ValueError(
            f"Expected shares above 0 that leave some rows for the last part, found "
            f"{tuple(shares)}. Mend data.shares."
        )
    _, group, counts = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(group))
    order = order[np.argsort(group[order], kind="stable")]
    rank = np.arange(len(group)) - np.repeat(np.cumsum(counts) - counts, counts)
    ends = np.rint(np.cumsum(shares)[None] * counts[:, None])
    part = np.empty(len(group), np.int64)
    part[order] = np.sum(rank[:, None] >= ends[group[order]], axis=1)
    return tuple(np.flatnonzero(part == number) for number in range(len(shares) + 1))
