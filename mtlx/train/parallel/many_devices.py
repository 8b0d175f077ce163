"""What the strategies of many devices have in common."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from mtlx.data.feed import Feed
from mtlx.train.compiling import jit
from mtlx.train.parallel.layout import state_layout
from mtlx.train.parallel.one_device import OneDevice
from mtlx.types import PyTree


class ManyDevices(OneDevice):
    """A state laid out over a mesh, and feeds beside it.

    Args:
        mesh: see `make_mesh`.
        fsdp: whether parameters lie along "data" (`state_layout`).
        shard_rows: whether the columns of a resident feed do, too.
    """

    def __init__(self, mesh: Mesh, fsdp: bool = False, shard_rows: bool = False):
        self.mesh, self.fsdp, self.shard_rows = mesh, fsdp, shard_rows
        self.multiple = mesh.shape["data"]

    def sharding(self, *spec: str | None) -> NamedSharding:
        """Where an array lies whose axes lie along these axes of the mesh."""
        return NamedSharding(self.mesh, PartitionSpec(*spec))

    def make_state(self, plan: Any, key: Any) -> Any:
        def from_numbers(numbers):
            return plan.init(jax.random.wrap_key_data(numbers))

        # From the host, as `_put`; a key is no array that it could hold.
        numbers = np.asarray(jax.random.key_data(key))
        state = jax.eval_shape(from_numbers, numbers)
        layout = state_layout(state, self.mesh, fsdp=self.fsdp)
        return jit(from_numbers, out_shardings=layout)(numbers)

    def place_feed(self, feed: Feed) -> Feed:
        feed = feed.on_device("A run on many devices")
        if not self.shard_rows:
            return feed._replace(arrays=self._put(feed.arrays, self.sharding()))
        if not feed.by_row:
            raise ValueError(
                "shard_rows=True expected a training split that is held in memory, "
                "found a stream. Use shard_rows=False."
            )
        columns = jax.tree.map(self._padded, feed.arrays)
        return feed._replace(arrays=self._put(columns, self.sharding("data")))

    def _padded(self, column: Any) -> np.ndarray:
        # The order of an epoch numbers the real rows alone: the others are never read.
        column = np.asarray(column)
        missing = -len(column) % self.multiple
        return np.pad(column, [(0, missing)] + [(0, 0)] * (column.ndim - 1))

    def _put(self, tree: PyTree, sharding: NamedSharding) -> PyTree:
        # From the host: another process cannot read this one's device.
        return jax.device_put(jax.tree.map(np.asarray, tree), sharding)

    def jit(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return jit(function, out_shardings=self.sharding())

    def compile(self, run: Callable[..., Any], state: Any, *args: Any) -> Callable:
        places = (jax.tree.map(lambda x: x.sharding, state), self.sharding())
        jitted = jit(run, donate_argnums=0, out_shardings=places)
        return jitted.lower(state, *args).compile()

    def place_rows(self, batches: PyTree) -> PyTree:
        return self._put(batches, self.sharding(None, "data"))
