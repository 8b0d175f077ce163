"""One program over all devices: `jit`, and `fsdp`."""

import dataclasses
import functools

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from mtlx.data.feed import Feed
from mtlx.train.axis import Axis
from mtlx.train.parallel.layout import TABLE
from mtlx.train.parallel.many_devices import ManyDevices
from mtlx.types import Array, Batch, PyTree


class GlobalView(ManyDevices):
    """The step of one device, on arrays that lie on many; XLA finds what to exchange.

    The batch is constrained to lie along "data". A loss is one number of the whole
    batch here, so its gradients are summed over devices before any Gram matrix.

    Args:
        mesh: see `make_mesh`.
        fsdp: whether parameters lie along "data"; a forward pass collects them.
        shard_rows: whether the columns of a resident feed lie along "data".
    """

    def __init__(self, mesh: Mesh, fsdp: bool = False, shard_rows: bool = False):
        super().__init__(mesh, fsdp, shard_rows)
        if fsdp:
            self.axis = _Collected(everywhere=NamedSharding(mesh, PartitionSpec()))

    def fetch(self, feed: Feed, arrays: PyTree, x: PyTree) -> Batch:
        along = self.sharding("data")
        if feed.by_row:
            x = jax.lax.with_sharding_constraint(x, along)
        return jax.lax.with_sharding_constraint(feed.fetch(arrays, x), along)


@dataclasses.dataclass(frozen=True)
class _Collected(Axis):
    """One program, in which parameters are collected where the forward pass begins.

    Left to itself XLA may cut activations as the weights are cut, and exchange those.
    Tables stay where they are: a batch needs few of their rows.
    """

    everywhere: NamedSharding | None = None

    def enter(self, tree: PyTree) -> PyTree:
        def collect(path, leaf):
            is_table = getattr(path[-1], "key", None) == TABLE
            return leaf if is_table else _collect(leaf, self.everywhere)

        return jax.tree_util.tree_map_with_path(collect, tree)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _collect(x: Array, everywhere: NamedSharding) -> Array:
    return jax.lax.with_sharding_constraint(x, everywhere)


@_collect.defjvp
def _collect_jvp(everywhere, primals, tangents):
    # No constraint on the tangent: transposed, it would hold the gradients on every
    # device, where the optimizer wants each device's share.
    return _collect(primals[0], everywhere), tangents[0]
