"""The seeded order of a split in blocks: any batch from its number alone."""

import bisect
import functools
import itertools
import threading
from collections.abc import Sequence

import jax
import numpy as np

from mtlx.data.blocks import Blocks
from mtlx.types import Batch


class Shuffle:
    """Batches of an endless sequence of shuffled passes over blocks.

    `batch(n)` is a pure function of the seed and n, so that a run goes on from any
    position; reading in order costs one read of every block a pass.

    Args:
        blocks: the split.
        batch_size: rows a batch.
        seed: non-negative integers.

    Raises:
        ValueError: fewer rows than one batch, or a window below 1.
    """

    def __init__(self, blocks: Blocks, batch_size: int, seed: Sequence[int]):
        rows = sum(blocks.source.sizes)
        if rows < batch_size:
            raise ValueError(
                f"Expected at least one full batch, found {rows} training rows for "
                f"batch_size={batch_size}. Choose batch_size <= {rows}."
            )
        if blocks.window < 1:
            raise ValueError(f"Expected window >= 1 block, found {blocks.window}.")
        self.blocks, self.batch_size, self.seed = blocks, batch_size, tuple(seed)
        self.batches_per_pass = rows // batch_size
        # Several threads may ask; the window that they want is read once.
        self._lock = threading.Lock()
        self._window = functools.lru_cache(maxsize=1)(self._read_window)
        self._plan = functools.lru_cache(maxsize=2)(self._make_plan)

    def batch(self, number: int) -> Batch:
        """Batch `number` of the sequence, from 0."""
        number_of_pass, place = divmod(number, self.batches_per_pass)
        first, last = place * self.batch_size, (place + 1) * self.batch_size
        with self._lock:
            _, ends = self._plan(number_of_pass)
            parts = []
            window = bisect.bisect_right(ends, first)
            while first < last:
                begin = ends[window - 1] if window else 0
                rows = self._window(number_of_pass, window)
                cut = slice(first - begin, min(last, ends[window]) - begin)
                parts.append(jax.tree.map(lambda x, cut=cut: x[cut], rows))
                first, window = min(last, ends[window]), window + 1
        return _concatenate(parts)

    def _make_plan(self, number_of_pass: int) -> tuple[list[np.ndarray], list[int]]:
        """The blocks of each window of a pass, and how many rows there are up to it."""
        sizes = np.asarray(self.blocks.source.sizes)
        order = np.random.default_rng((*self.seed, number_of_pass)).permutation(
            len(sizes)
        )
        windows = [
            order[start : start + self.blocks.window]
            for start in range(0, len(order), self.blocks.window)
        ]
        counts = (int(sizes[window].sum()) for window in windows)
        return windows, list(itertools.accumulate(counts))

    def _read_window(self, number_of_pass: int, window: int) -> Batch:
        """The shuffled rows of a window."""
        numbers = self._plan(number_of_pass)[0][window]
        rows = _concatenate([self.blocks.source.read(int(n)) for n in numbers])
        count = len(next(iter(rows.labels.values())))
        rng = np.random.default_rng((*self.seed, number_of_pass, window))
        order = rng.permutation(count)
        return jax.tree.map(lambda column: column[order], rows)


def _concatenate(parts: list[Batch]) -> Batch:
    if len(parts) == 1:
        return parts[0]
    return jax.tree.map(lambda *columns: np.concatenate(columns), *parts)
