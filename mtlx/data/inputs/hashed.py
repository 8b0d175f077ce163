"""A categorical column by a hash of its values."""

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from mtlx.data.categorical import Categorical, Column, as_categorical
from mtlx.data.inputs.fitted import Encoded, Fitted
from mtlx.data.vocabulary import UNKNOWN, Vocabulary


@dataclasses.dataclass(frozen=True)
class Hashed:
    """1 + (h(value) mod buckets), h the first 8 bytes, little-endian, of BLAKE2b.

    The hash is that of the value's UTF-8 text under the key `seed`: the same on every
    machine, in every process and for ever, as Python's own `hash` is not. Values that
    fall into one bucket share an embedding. A bucket that no training row falls into
    is unknown, id 0: its embedding would never be trained.

    Args:
        buckets: number of buckets; the column has one id more.
        seed: another one gives other collisions.

    Raises:
        ValueError: no bucket.

    Reference:
        Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML
        2009.
    """

    buckets: int
    seed: int = 0

    def __post_init__(self):
        if self.buckets < 1:
            raise ValueError(f"Hashed: expected buckets >= 1, found {self.buckets}.")

    def fit(self, name: str, column: Column, vocabulary: Vocabulary | None) -> Fitted:
        """See `Input`."""
        del vocabulary
        seen = np.zeros(self.buckets + 1, bool)
        seen[self._ids(as_categorical(column))] = True
        return self.restore(name, {"seen": np.flatnonzero(seen).tolist()}, None)

    def restore(
        self, name: str, facts: Mapping[str, Any], vocabulary: Vocabulary | None
    ) -> Fitted:
        """See `Restored`; "seen" are the buckets that training rows fall into."""
        del vocabulary
        seen = np.zeros(self.buckets + 1, bool)
        seen[facts["seen"]] = True

        def encode(column):
            ids = self._ids(as_categorical(column))
            return Encoded(ids={name: np.where(seen[ids], ids, np.int32(UNKNOWN))})

        return Fitted(encode, {name: self.buckets + 1}, facts=facts)

    def _ids(self, column: Categorical) -> np.ndarray:
        return np.array([self._bucket(value) for value in column.values], np.int32)[
            column.codes
        ]

    def _bucket(self, value: str) -> int:
        key = self.seed.to_bytes(8, "little")
        digest = hashlib.blake2b(str(value).encode(), digest_size=8, key=key).digest()
        return 1 + int.from_bytes(digest, "little") % self.buckets
