"""All rows of a user in one split."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from mtlx.data.categorical import as_categorical
from mtlx.data.tabular.shares import (
    TEST,
    VALIDATION,
    check_shares,
    cut_order,
    hashed_share,
)


@dataclasses.dataclass(frozen=True)
class ByUser:
    """Users, with all their rows, are divided; none is in two splits.

    Args:
        column: of ids: of users, sessions, queries.
        validation, test: shares of the users.
        method: "hash", by a hash of the id and `seed`: a user keeps the part when rows
            and users are added; or "random", by a permutation of the users at hand:
            shares are met to a user.
        seed: of either.

    Raises:
        ValueError: shares that leave no training users, another method.
    """

    column: str
    validation: float | int = 0.1
    test: float | int = 0.1
    method: str = "hash"
    seed: int = 0

    def __post_init__(self):
        check_shares("ByUser", self.validation, self.test)
        if self.method not in ("hash", "random"):
            raise ValueError(
                f"ByUser: expected method hash or random, found {self.method!r}."
            )

    @property
    def reads(self) -> Mapping[str, str]:
        """See `Split`."""
        return {self.column: "id"}

    def parts(self, columns: Mapping[str, Any], rows: int) -> np.ndarray:
        """See `Split`."""
        del rows
        users = as_categorical(columns[self.column])
        if self.method == "random":
            order = np.random.default_rng(self.seed).permutation(len(users.values))
            return cut_order(order, self.validation, self.test)[users.codes]
        shares = [hashed_share(user, self.seed) for user in users.values.tolist()]
        share = np.array(shares)
        parts = np.zeros(len(share), np.int8)
        parts[share >= 1 - self.validation - self.test] = VALIDATION
        parts[share >= 1 - self.test] = TEST
        return parts[users.codes]
