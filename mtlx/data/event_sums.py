"""What each user did within a span of time, and the events next to each event."""

import numpy as np

SPAN = 2**40  # above every time: some 35,000 years in seconds


class EventSums:
    """Running sums of the events of each user, in the order of time.

    Args:
        user: [E] whole numbers, 0 to 2^22.
        time: [E] whole numbers, 0 to 2^40, e.g. seconds since 1970.
        value: [E] what is summed.
    """

    def __init__(self, user: np.ndarray, time: np.ndarray, value: np.ndarray):
        key = _key(user, time)
        order = np.argsort(key)
        self._keys = key[order]
        self._sums = np.append(0.0, np.cumsum(value[order], dtype=np.float64))

    def within(
        self, user: np.ndarray, after: np.ndarray | int, until: np.ndarray | int
    ) -> np.ndarray:
        """[B] sums over the same user's events with after < time <= until.

        Args:
            user: [B] whole numbers.
            after: [B] or one, whole numbers; -1 is before all.
            until: [B] or one, whole numbers.
        """
        first = np.searchsorted(self._keys, _key(user, after), side="right")
        last = np.searchsorted(self._keys, _key(user, until), side="right")
        return self._sums[last] - self._sums[np.minimum(first, last)]


def _key(user: np.ndarray, time: np.ndarray | int) -> np.ndarray:
    """[B] one number that orders by user, then by time."""
    return user.astype(np.int64) * SPAN + time


def neighbours(user: np.ndarray, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[B] rows of the same user just before and just after in time; -1 without one.

    Rows of the same moment are neither. Of several rows that are the nearest it is the
    last one before, and the first one after, in the order of the rows.

    Args:
        user, time: as in `EventSums`.
    """
    key = _key(user, time)
    order = np.argsort(key, kind="stable")
    before = np.searchsorted(key[order], key, side="left") - 1
    after = np.searchsorted(key[order], key, side="right")

    def same_user(place):
        row = order[np.clip(place, 0, len(order) - 1)]
        there = (place >= 0) & (place < len(order)) & (user[row] == user)
        return np.where(there, row, -1)

    return same_user(before), same_user(after)
