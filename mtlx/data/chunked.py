"""Feed of a split larger than memory: chunks of batches, read ahead by Grain."""

from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from mtlx.data.blocks import Blocks
from mtlx.data.feed import Feed
from mtlx.data.shuffle import Shuffle
from mtlx.types import Array, Batch


def iterate_chunks(
    shuffle: Shuffle, chunk_steps: int, first: int, chunks: int
) -> Iterator[Batch]:
    """Chunks of batches on the device, leaves [chunk_steps, B, ...].

    A thread makes the next chunk while the caller works with one: at most three are in
    memory. The iterator is Grain's: `get_state()` is its position, a small JSON value,
    and `set_state(position)` goes on from there.

    Args:
        shuffle: gives the batches.
        chunk_steps: batches a chunk.
        first: number of the first batch.
        chunks: how many chunks.
    """
    # Imported where it is used: the step must run on an image without Grain.
    import grain

    batches = grain.MapDataset.range(first, first + chunks * chunk_steps)
    whole = batches.map(shuffle.batch).batch(chunk_steps, drop_remainder=True)
    ahead = grain.ReadOptions(num_threads=1, prefetch_buffer_size=1)
    return iter(whole.map(_to_device).to_iter_dataset(ahead))


def chunked(blocks: Blocks, batch_size: int) -> Feed:
    """The feed of a split in blocks; the order is a function of the run's key.

    Raises:
        ValueError: fewer rows than one batch, or `steps_per_epoch` below 1.
    """
    example = Shuffle(blocks, batch_size, (0,))
    steps = blocks.steps_per_epoch
    if steps is None:
        steps = example.batches_per_pass
    if steps < 1:
        raise ValueError(f"Expected steps_per_epoch >= 1, or None, found {steps}.")

    def chunks(key, epoch, chunk_steps, count):
        shuffle = Shuffle(blocks, batch_size, _seed(key))
        first = (epoch - 1) * count * chunk_steps
        return iterate_chunks(shuffle, chunk_steps, first, count)

    def order(key):
        del key
        return jax.tree.map(lambda x: jnp.asarray(x)[None], example.batch(0))

    def fetch(arrays, batch):
        del arrays
        return batch

    return Feed((), steps, batch_size, order, fetch, chunks=chunks)


def _seed(key: Array) -> Sequence[int]:
    return np.asarray(jax.random.key_data(key)).ravel().tolist()


def _to_device(chunk: Batch) -> Batch:
    return jax.tree.map(jnp.asarray, chunk)
