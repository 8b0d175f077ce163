"""Feeds: how a training split becomes the batches that a scan runs over.

A feed separates *which* rows a step sees (`order`, small, made once an epoch) from
*getting* them (`fetch`, inside the compiled step).
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mtlx.data.blocks import Blocks
from mtlx.data.dataset import Augmented, Stream
from mtlx.data.joint_rows import JointRows
from mtlx.data.row_order import row_order
from mtlx.types import Array, Batch, PyTree


class Feed(NamedTuple):
    """Batches of one training split.

    `order(key)` gives the scan inputs of an epoch from that epoch's key, leading axis
    `steps_per_epoch`; `fetch(arrays, x) -> Batch` turns one of them into a batch. Where
    `by_row`, x is what tells the batch's rows apart, arrays [B, ...] (their numbers),
    and `fetch` of some entries gives those rows alone.

    Where the rows are not on the device, `chunks(key, epoch, chunk_steps, count)` gives
    the scan inputs instead, from the run's key: an iterator over `count` chunks, each
    with a leading axis of `chunk_steps`. `order` is then one input, for its shape.
    """

    arrays: PyTree
    steps_per_epoch: int
    batch_size: int
    order: Callable[[Array], PyTree]
    fetch: Callable[[PyTree, PyTree], Batch]
    by_row: bool = False
    chunks: Callable[[Array, int, int, int], Iterator[PyTree]] | None = None

    def on_device(self, purpose: str) -> "Feed":
        """This feed, where its rows are on the device.

        Raises:
            ValueError: they are read in chunks, which `purpose` cannot do with.
        """
        if self.chunks is not None:
            raise ValueError(
                f"{purpose} expected a training split in memory, or a stream, found "
                f"blocks that are read as they are needed. Train one run on one device."
            )
        return self


def num_rows(batch: Batch) -> int:
    """Number of rows of a Batch."""
    return len(next(iter(batch.labels.values())))


def resident(rows: Batch, batch_size: int) -> Feed:
    """All rows held on the device; each epoch is a fresh permutation of them.

    The rows that do not fill a last batch are left out of that epoch; which ones
    changes from epoch to epoch. Where the rows have groups, those of a group come
    together (`row_order`).

    Raises:
        ValueError: fewer rows than one batch.
    """
    total = num_rows(rows)
    steps = total // batch_size
    if steps == 0:
        raise ValueError(
            f"Expected at least one full batch, found {total} training rows for "
            f"batch_size={batch_size}. Choose batch_size <= {total}."
        )

    shuffled = row_order(total, rows.groups)

    def order(key):
        return shuffled(key)[: steps * batch_size].reshape(steps, batch_size)

    def fetch(arrays, index):
        return jax.tree.map(lambda column: jnp.take(column, index, axis=0), arrays)

    arrays = jax.tree.map(jnp.asarray, rows)
    return Feed(arrays, steps, batch_size, order, fetch, by_row=True)


def augmented(train: Augmented, batch_size: int) -> Feed:
    """As `resident`, and every row of a batch is changed with a key of its own.

    Raises:
        ValueError: as `resident`.
    """
    still = resident(jax.tree.map(np.asarray, train.rows), batch_size)

    def order(key):
        order_key, row_key = jax.random.split(key)
        numbers = still.order(order_key)
        return numbers, jax.random.split(row_key, numbers.shape)

    def fetch(arrays, x):
        numbers, keys = x
        return jax.vmap(train.change)(still.fetch(arrays, numbers), keys)

    return still._replace(order=order, fetch=fetch)


def streamed(stream: Stream, batch_size: int) -> Feed:
    """Rows drawn on the device, new ones at every step."""

    def order(key):
        return jax.random.split(key, stream.steps_per_epoch)

    def fetch(arrays, key):
        return stream.sample(arrays, key, batch_size)

    return Feed(stream.arrays, stream.steps_per_epoch, batch_size, order, fetch)


def make_feed(
    train: Batch | Augmented | Stream | Blocks | JointRows, batch_size: int
) -> Feed:
    """The feed that fits the kind of training split."""
    # What builds on the Feed above is imported where it is used.
    if isinstance(train, JointRows):
        from mtlx.data.joint_feed import joint_feed

        return joint_feed(train, batch_size)
    if isinstance(train, Stream):
        return streamed(train, batch_size)
    if isinstance(train, Augmented):
        return augmented(train, batch_size)
    if isinstance(train, Blocks):
        from mtlx.data.chunked import chunked

        return chunked(train, batch_size)
    return resident(jax.tree.map(np.asarray, train), batch_size)
