"""A column of texts, most of them different."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from mtlx.data.ragged import gather_ragged

CHUNK = 4096


class TextColumn(NamedTuple):
    """Row i is the UTF-8 in `content` from `ends[i - 1]` to `ends[i]`.

    NumPy's own strings are all as wide as the longest, and Python's are objects.
    """

    content: np.ndarray  # [bytes] uint8
    ends: np.ndarray  # [B] int64

    def take(self, rows: np.ndarray) -> "TextColumn":
        """The column at `rows`."""
        at, ends = gather_ragged(self.ends, rows)
        return TextColumn(self.content[at], ends)

    def chunks(self) -> Iterator[list[str]]:
        """The texts, some thousand at a time."""
        for first in range(0, len(self.ends), CHUNK):
            ends = self.ends[first : first + CHUNK]
            begin = int(self.ends[first - 1]) if first else 0
            content = self.content[begin : ends[-1]].tobytes()
            ends = (ends - begin).tolist()
            starts = [0, *ends[:-1]]
            yield [content[a:b].decode() for a, b in zip(starts, ends, strict=True)]
