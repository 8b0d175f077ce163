"""Shares of the rows that validation and test get."""

import hashlib

import numpy as np

TRAIN, VALIDATION, TEST = 0, 1, 2
PARTS = ("train", "validation", "test")


def check_shares(owner: str, validation: float | int, test: float | int) -> None:
    """Refuses shares that leave nothing to train on.

    Raises:
        ValueError: a share below 0, or both together 1 or more.
    """
    if min(validation, test) < 0 or validation + test >= 1:
        raise ValueError(
            f"{owner}: expected shares validation and test >= 0 that leave some rows "
            f"for training, found {validation} and {test}."
        )


def cut_order(
    order: np.ndarray, validation: float | int, test: float | int
) -> np.ndarray:
    """[B] the part of each row: training the first of `order`, test the last."""
    rows = len(order)
    parts = np.zeros(rows, np.int8)
    last = rows - round(test * rows)
    parts[order[last - round(validation * rows) : last]] = VALIDATION
    parts[order[last:]] = TEST
    return parts


def hashed_share(value: str, seed: int) -> float:
    """A number of [0, 1) that is the value's for ever, on every machine."""
    key = seed.to_bytes(8, "little")
    digest = hashlib.blake2b(value.encode(), digest_size=8, key=key).digest()
    return int.from_bytes(digest, "little") / 2**64
