"""Rows of different lengths, end to end in one array."""

import numpy as np


def gather_ragged(ends: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the entries of `rows` are, and where each of these rows ends among them.

    Args:
        ends: [B] where each row ends in the array of all entries.
        rows: [N] numbers of rows.

    >>> gather_ragged(np.array([2, 2, 5]), np.array([2, 0]))
    (array([2, 3, 4, 0, 1]), array([3, 5]))
    """
    lengths = np.diff(ends, prepend=0)
    starts, lengths = (ends - lengths)[rows], lengths[rows]
    taken = np.cumsum(lengths)
    total = int(taken[-1]) if len(taken) else 0
    return np.arange(total) + np.repeat(starts - (taken - lengths), lengths), taken
