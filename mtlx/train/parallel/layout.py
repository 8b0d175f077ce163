"""Where each array of a training state lies on a mesh."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
from flax import traverse_util
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from mtlx.types import PyTree

TABLE = "embedding"  # how linen and `FeatureEncoder` call the parameter


def state_layout(
    state: Any, mesh: Mesh, *, fsdp: bool = False, members: bool = False
) -> PyTree:
    """The sharding of each leaf of a `TrainState` (arrays, or their shapes).

    Embedding tables lie by rows along "model". With `fsdp`, every other parameter lies
    along "data" by its largest axis that divides over it, and tables by rows along
    both. What has the shape of a parameter (moments, accumulators, stacked gradients of
    the tasks) lies like the parameter; everything else is on every device.

    Args:
        state: of one run, or of a population, with a leading axis of members.
        mesh: see `make_mesh`.
        fsdp: whether parameters lie along "data".
        members: whether there is a leading axis of members; it lies along "member".

    Raises:
        ValueError: a table whose rows do not divide over "model", or none at all for a
            mesh that has this axis; members that do not divide over "member".
    """
    lead = 1 if members else 0
    if members:
        check_members(state, mesh)
    params = traverse_util.flatten_dict(state.params)
    shapes = {path: leaf.shape[lead:] for path, leaf in params.items()}
    if mesh.shape["model"] > 1 and not any(path[-1] == TABLE for path in shapes):
        raise ValueError(
            f"mesh.model={mesh.shape['model']} expected a model with embedding tables, "
            f"found none. Use mesh.model=1."
        )
    specs = {
        path: _parameter(path, shape, mesh, fsdp) for path, shape in shapes.items()
    }

    def place(path, leaf):
        spec = _like_parameter(_names(path), leaf.shape[lead:], shapes, specs)
        return NamedSharding(mesh, PartitionSpec(*["member"] * lead, *spec))

    return jax.tree_util.tree_map_with_path(place, state)


def shard_members(tree: PyTree, mesh: Mesh) -> PyTree:
    """Arrays [K, ...] of K runs, spread over the mesh axis "member".

    A function vmapped over that leading axis then runs each member where it lies; give
    the vmap `spmd_axis_name="member"` if the function shards a batch over "data".

    Raises:
        ValueError: K does not divide over the axis.
    """
    check_members(tree, mesh)
    return jax.device_put(tree, member_layout(mesh))


def member_layout(mesh: Mesh) -> NamedSharding:
    """Where arrays [K, ...] of K runs lie."""
    return NamedSharding(mesh, PartitionSpec("member"))


def map_members(
    function: Callable[..., PyTree], axes: Sequence[int | None], mesh: Mesh
) -> Callable[..., PyTree]:
    """`function` of the members that lie on each device, by itself.

    Args:
        function: of arrays [K / devices, ...] to such arrays.
        axes: 0 for arguments with an axis of members, None for what all share.
        mesh: with an axis "member".
    """

    def layout(axis):
        return PartitionSpec() if axis is None else PartitionSpec("member")

    return jax.shard_map(
        function,
        mesh=mesh,
        in_specs=tuple(layout(axis) for axis in axes),
        out_specs=layout(0),
        check_vma=False,
    )


def replicate(tree: PyTree, mesh: Mesh) -> PyTree:
    """Arrays that every device of the mesh holds whole."""
    return jax.device_put(tree, NamedSharding(mesh, PartitionSpec()))


def check_members(tree: PyTree, mesh: Mesh) -> None:
    """Refuses numbers of members that do not divide over the mesh."""
    size = mesh.shape["member"]
    for leaf in jax.tree.leaves(tree):
        if not leaf.shape or leaf.shape[0] % size:
            raise ValueError(
                f"Expected a leading axis of members that divides over mesh.member="
                f"{size}, found an array of shape {leaf.shape}. Add members, or choose "
                f"another mesh."
            )


def _parameter(
    path: tuple[str, ...], shape: tuple[int, ...], mesh: Mesh, fsdp: bool
) -> tuple[Any, ...]:
    """The axes of the mesh along which each axis of a parameter lies."""
    if path[-1] == TABLE and mesh.shape["model"] > 1:
        return (_table(path, shape[0], mesh, fsdp),)
    size = mesh.shape["data"]
    dividing = [i for i, length in enumerate(shape) if length % size == 0]
    if not fsdp or size == 1 or not dividing:
        return ()
    largest = max(dividing, key=lambda i: shape[i])
    return (*[None] * largest, "data")


def _table(path: tuple[str, ...], rows: int, mesh: Mesh, fsdp: bool) -> Any:
    size = mesh.shape["model"]
    if rows % size:
        raise ValueError(
            f"mesh.model={size} expected embedding tables whose rows divide by it, "
            f"found {rows} rows in {'/'.join(path)}. Pad them: "
            f"encoder.row_multiple={size}."
        )
    both = ("model", "data")
    whole = rows % math.prod(mesh.shape[axis] for axis in both) == 0
    return both if fsdp and whole else "model"


def _names(path: tuple[Any, ...]) -> tuple[Any, ...]:
    """The keys on the way to a leaf; a flat {path: leaf} has a tuple for one key."""
    names = []
    for entry in path:
        key = getattr(entry, "key", getattr(entry, "name", getattr(entry, "idx", None)))
        names.extend(key if isinstance(key, tuple) else (key,))
    return tuple(names)


def _like_parameter(names, shape, shapes, specs) -> tuple[Any, ...]:
    """The layout of the parameter whose path ends `names`, on the axes it shares."""
    for start in range(len(names)):
        path = names[start:]
        if path not in specs:
            continue
        if shape == shapes[path]:
            return specs[path]
        if shape[1:] == shapes[path] and specs[path]:
            return (None, *specs[path])  # of all tasks
        if shape == shapes[path][:1]:
            return specs[path][:1]  # one number a row
    return ()
