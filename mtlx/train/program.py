"""The compiled program of a run: chunks of steps over one feed."""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import numpy as np

from mtlx.data.feed import Feed
from mtlx.train.parallel.one_device import OneDevice
from mtlx.train.state import Step, TrainState, order_key
from mtlx.types import Array, PRNGKeyArray, PyTree

History = dict[str, Array]  # metric -> [steps, T]


class Program(NamedTuple):
    """Chunks of training steps, compiled once for a run.

    `order(key, epoch)` gives the scan inputs of an epoch. `run(state, arrays, order,
    chunk)` scans over the steps of one chunk in one dispatch; it takes the memory of
    the state it is given.
    """

    order: Callable[[Array, Array], PyTree]
    run: Callable[..., tuple[TrainState, History]]
    chunks: int  # an epoch is this many chunks
    chunk_steps: int
    compile_seconds: float

    @property
    def steps_per_epoch(self) -> int:
        return self.chunks * self.chunk_steps


def cut_epoch(steps_per_epoch: int, max_chunk_steps: int) -> tuple[int, int]:
    """(chunks, steps a chunk): equal chunks, so that one program serves them all.

    The ``steps_per_epoch mod chunks`` batches left over are dropped from each epoch.
    """
    chunks = -(-steps_per_epoch // max_chunk_steps)
    return chunks, steps_per_epoch // chunks


def chunk_inputs(
    program: Program, feed: Feed, key: PRNGKeyArray, epoch: int
) -> Iterator[tuple[PyTree, PyTree, np.int32]]:
    """What `program.run` takes beside the state, for each chunk of an epoch.

    Rows that are not on the device are read while the chunk before them runs.
    """
    if feed.chunks is not None:
        chunks = feed.chunks(key, epoch, program.chunk_steps, program.chunks)
        return ((feed.arrays, rows, np.int32(0)) for rows in chunks)
    order = program.order(key, np.int32(epoch))
    return ((feed.arrays, order, np.int32(n)) for n in range(program.chunks))


def compile_program(
    step: Step,
    feed: Feed,
    state: TrainState,
    chunks: int,
    chunk_steps: int,
    devices: OneDevice | None = None,
) -> Program:
    """Compiles ahead of the first step, and says how long that took.

    Args:
        step: from `make_step`, with the axis of `devices`.
        feed: placed by `devices`.
        state: made by `devices`.
        chunks: dispatches an epoch.
        chunk_steps: steps a dispatch.
        devices: the strategy (`mtlx.train.parallel`); None: one device.
    """
    begin = time.perf_counter()
    devices = devices or OneDevice()

    @devices.jit
    def order(key, epoch):
        return feed.order(order_key(key, epoch))

    def run(state, arrays, order, chunk):
        def one(state, x):
            return step(state, devices.fetch(feed, arrays, x))

        first = chunk * chunk_steps
        inputs = jax.tree.map(
            lambda x: jax.lax.dynamic_slice_in_dim(x, first, chunk_steps), order
        )
        return jax.lax.scan(one, state, inputs)

    inputs = order(state.key, np.int32(1))
    if feed.chunks is not None:
        inputs = _of_length(inputs, chunk_steps)
    compiled = devices.compile(run, state, feed.arrays, inputs, np.int32(0))
    return Program(order, compiled, chunks, chunk_steps, time.perf_counter() - begin)


def _of_length(inputs: PyTree, length: int) -> PyTree:
    """The shapes of inputs with a leading axis of another length."""

    def shape(x):
        return jax.ShapeDtypeStruct((length, *x.shape[1:]), x.dtype)

    return jax.tree.map(shape, inputs)
