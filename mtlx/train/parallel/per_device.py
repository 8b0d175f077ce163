"""One program a device, with explicit exchange: `shard_map`."""

from collections.abc import Callable
from typing import Any

import jax
from jax.sharding import Mesh, PartitionSpec

from mtlx.data.feed import Feed
from mtlx.train.axis import Axis
from mtlx.train.parallel.many_devices import ManyDevices
from mtlx.types import Batch, PyTree


class PerDevice(ManyDevices):
    """Each device runs the step on its own rows; `Axis` says what they exchange.

    Other axes of the mesh than "data" are left to XLA, as in `GlobalView`.

    Args:
        mesh: see `make_mesh`.
        parts: the parts that the step cuts a batch in (`mtlx.train.step.PARTS`).
    """

    def __init__(self, mesh: Mesh, parts: int = 1):
        super().__init__(mesh)
        self.axis = Axis("data", mesh.shape["data"], parts)

    def fetch(self, feed: Feed, arrays: PyTree, x: PyTree) -> Batch:
        if feed.by_row:
            return feed.fetch(arrays, self.axis.own(x))
        return self.axis.own(feed.fetch(arrays, x))

    def compile(self, run: Callable[..., Any], state: Any, *args: Any) -> Callable:
        everywhere = PartitionSpec()
        mapped = jax.shard_map(
            run,
            mesh=self.mesh,
            in_specs=everywhere,
            out_specs=everywhere,
            axis_names={"data"},
            # `Axis` states what is equal on all devices; checked, psum would be the
            # one that transposes to no sum, and `pmap` has the other.
            check_vma=False,
        )
        return super().compile(mapped, state, *args)
