"""A column of texts as two arrays, for the store of prepared columns."""

from collections.abc import Sequence

import numpy as np

BYTES, ENDS = ".bytes", ".ends"


def pack_texts(name: str, texts: Sequence[str]) -> dict[str, np.ndarray]:
    """The texts end to end in UTF-8, and where each ends.

    NumPy's own strings are all as wide as the longest: reviews would take 60 times
    their size.
    """
    encoded = [text.encode() for text in texts]
    return {
        name + BYTES: np.frombuffer(b"".join(encoded), np.uint8),
        name + ENDS: np.cumsum([len(part) for part in encoded], dtype=np.int64),
    }


def unpack_texts(name: str, columns: dict[str, np.ndarray]) -> list[str]:
    """What `pack_texts` packed under that name."""
    content, ends = columns[name + BYTES].tobytes(), columns[name + ENDS].tolist()
    starts = [0, *ends][: len(ends)]
    return [content[a:b].decode() for a, b in zip(starts, ends, strict=True)]
