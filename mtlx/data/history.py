"""What a user did before each row of a log."""

import numpy as np


def previous_rows(
    user: np.ndarray, time: np.ndarray, chosen: np.ndarray, length: int
) -> np.ndarray:
    """The same user's last chosen rows, strictly earlier in time.

    A row of the same moment is not earlier: what is shown on one page at once, or is
    logged twice, does not see itself.

    Args:
        user: [B] whole numbers.
        time: [B] whole numbers.
        chosen: [B] bool, the rows that go down in history, e.g. the clicked ones.
        length: L, the most rows kept.

    Returns:
        [B, L] int32 numbers of rows, oldest first (of one moment: in the order of the
        rows), then -1 where there are fewer than L.
    """
    moments, moment = np.unique(time, return_inverse=True)
    _, owner = np.unique(user, return_inverse=True)
    # One number orders rows by user, then by moment: two binary searches a row.
    key = owner.astype(np.int64) * len(moments) + moment
    order = np.flatnonzero(chosen)
    order = order[np.argsort(key[order], kind="stable")]
    keys = key[order]
    first = np.searchsorted(keys, owner.astype(np.int64) * len(moments))
    last = np.searchsorted(keys, key)
    start = np.maximum(first, last - length)
    at = start[:, None] + np.arange(length)[None]
    there = at < last[:, None]
    padded = np.append(order, -1)  # what an empty history points at
    return np.where(there, padded[np.minimum(at, len(order))], -1).astype(np.int32)


def previous_items(
    user: np.ndarray,
    time: np.ndarray,
    item: np.ndarray,
    chosen: np.ndarray,
    length: int,
) -> np.ndarray:
    """The items of `previous_rows`.

    Args:
        user, time, chosen, length: see there.
        item: [B] whole numbers.

    Returns:
        [B, L] int32, oldest first, then -1 where there are fewer than L.
    """
    rows = previous_rows(user, time, chosen, length)
    return np.where(rows < 0, -1, item[rows]).astype(np.int32)
