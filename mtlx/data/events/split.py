"""Which events are for training, validation and test."""

import numpy as np

SHARES = (0.8, 0.1)  # of training and validation; the rest is the test split

Masks = tuple[np.ndarray, np.ndarray, np.ndarray]


def split_by_time(time: np.ndarray, shares: tuple[float, float] = SHARES) -> Masks:
    """The earliest events for training, the latest for the test.

    Events of one moment are of one split.

    Args:
        time: [N] whole numbers.
        shares: of the events, for training and for validation.

    Returns:
        Three masks [N].
    """
    ordered = np.sort(time)
    ends = [round(share * len(time)) for share in np.cumsum(shares)]
    first, second = (ordered[end] for end in ends)
    return time < first, (time >= first) & (time < second), time >= second


def split_by_user(
    user: np.ndarray, seed: int, shares: tuple[float, float] = SHARES
) -> Masks:
    """All events of a user in one split, drawn at random.

    Args:
        user: [N] whole numbers.
        seed: of NumPy's default generator.
        shares: of the users, for training and for validation.

    Returns:
        Three masks [N].
    """
    users, code = np.unique(user, return_inverse=True)
    place = np.random.default_rng(seed).permutation(len(users))[code]
    first, second = (round(share * len(users)) for share in np.cumsum(shares))
    return place < first, (place >= first) & (place < second), place >= second
