"""The data axis as one device's code sees it: what to sum over, which rows are its own.

Under `shard_map` or `pmap` a step runs once on every device, on that device's rows.
`Axis` holds the few places where it has to speak with the others, so that the rest of
the step is the one that a single device runs.
"""

import dataclasses
import functools
from contextlib import AbstractContextManager, nullcontext

import flax.linen as nn
import jax
import jax.numpy as jnp

from mtlx.models.batch_mean import BatchMean
from mtlx.models.partitioned_norm import PartitionedNorm
from mtlx.models.recommendation.gathered import GatheredRows
from mtlx.models.row_noise import RowNoise
from mtlx.types import Array, PyTree


@dataclasses.dataclass(frozen=True)
class Axis:
    """A device axis of `size` devices; the default is one device, alone.

    Between `enter` and `total` every value is a device's share, outside it is the same
    on all devices. A device's share of a loss is its rows' sum over the *global* number
    of rows, and total(loss(enter(params))) has the value and, pulled back or pushed
    forward, the derivatives of the loss over all rows: `total` is a sum over devices,
    and the pull of `enter` is the mean over devices of cotangents which the pull of
    `total` made `size` times too large. So gradients are summed once for each task,
    before anything quadratic is made of them.

    Args:
        name: of the axis in `shard_map` or `pmap`; None: there is no other device.
        size: number of devices.
        parts: the step cuts its batch in so many equal parts, and a device owns rows of
            each of them.

    The batch statistics and dropout masks of a model are those of all rows as well
    (`synchronised`): BatchNorm averages over the axis, and Dropout draws the mask of
    the global batch, of which a device takes its own rows, as `RowNoise` does;
    `BatchMean` and `GatheredRows` are over the rows of all devices. A penalty is a mean
    over a device's rows, or says the same on all devices: its share is a `size`-th.
    """

    name: str | None = None
    size: int = 1
    parts: int = 1

    def of_part(self) -> "Axis":
        """The same devices, for a batch that is one of the parts."""
        return dataclasses.replace(self, parts=1)

    def enter(self, tree: PyTree) -> PyTree:
        """`tree`, the same on all devices, where the code of one device begins."""
        if self.name is None:
            return tree
        return jax.tree.map(lambda x: _enter(x, self.name), tree)

    def total(self, x: Array) -> Array:
        """The sum of the devices' shares of `x`."""
        return x if self.name is None else jax.lax.psum(x, self.name)

    def total_gram(self, gram: Array) -> Array:
        """G = J J^T of the devices' own columns of J, e.g. of their rows' activations.

        What did not go through `enter` has a gradient `size` times too large.
        """
        return self.total(gram) / self.size**2

    def gather(self, x: Array) -> Array:
        """The rows of all devices, of arrays [B, ...], device by device."""
        if self.name is None:
            return x
        return jax.lax.all_gather(x, self.name, tiled=True)

    def own(self, tree: PyTree) -> PyTree:
        """The rows of this device, of arrays [B, ...]: its share of every part."""
        return tree if self.name is None else jax.tree.map(self._own, tree)

    def _own(self, x: Array) -> Array:
        rows = len(x) // self.parts
        cut = (self.parts, self.size, rows // self.size, *x.shape[1:])
        parts = x[: rows * self.parts].reshape(cut)
        index = jax.lax.axis_index(self.name)
        own = jax.lax.dynamic_index_in_dim(parts, index, axis=1, keepdims=False)
        return own.reshape(-1, *x.shape[1:])

    def synchronised(self) -> AbstractContextManager:
        """Where linen modules see the batch of all devices."""
        if self.name is None:
            return nullcontext()
        return nn.intercept_methods(_Interceptor(self))


class _Interceptor:
    """Gives dropout and batch statistics the rows of all devices."""

    def __init__(self, axis: Axis):
        self.axis = axis
        self.in_dropout = False

    def __call__(self, call, args, kwargs, context):
        module = context.module
        if context.method_name == "__call__" and not self.in_dropout:
            if isinstance(module, nn.Dropout):
                return self.dropout(call, *args, **kwargs)
            if isinstance(module, BatchMean):
                return jax.lax.pmean(call(*args, **kwargs), self.axis.name)
            if isinstance(module, GatheredRows):
                return self.axis.gather(call(*args, **kwargs))
            if isinstance(module, RowNoise):
                return self.axis.own(call(self.everyone(*args), **kwargs))
            normed = isinstance(module, nn.BatchNorm | PartitionedNorm)
            if normed and module.axis_name is None:
                same = module.clone(parent=module.scope, axis_name=self.axis.name)
                return same(*args, **kwargs)
        return call(*args, **kwargs)

    def dropout(self, call, x, *args, **kwargs):
        """x times the own rows of what dropout makes of ones for all rows."""
        ones = self.everyone(x)
        self.in_dropout = True  # a subclass calls linen's own
        try:
            kept = call(ones, *args, **kwargs)
        finally:
            self.in_dropout = False
        return x * self.axis.own(kept)

    def everyone(self, x):
        """Ones in the shape that x has on all devices together."""
        return jnp.ones((self.axis.size * len(x), *x.shape[1:]), x.dtype)


ALONE = Axis()


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _enter(x: Array, name: str) -> Array:
    return x


@_enter.defjvp
def _enter_jvp(name, primals, tangents):
    # A mean over equal tangents is no other tangent, and it transposes to the mean over
    # cotangents that are not equal. As a derivative alone it costs the forward pass
    # nothing; being no custom_vjp, it goes through jvp, vmap and higher orders.
    return _enter(primals[0], name), jax.lax.pmean(tangents[0], name)
