"""Which strategy a run trains by."""

from collections.abc import Mapping

import jax

from mtlx.train.parallel.global_view import GlobalView
from mtlx.train.parallel.mesh import make_mesh
from mtlx.train.parallel.one_device import OneDevice
from mtlx.train.parallel.per_device import PerDevice
from mtlx.train.parallel.pmapped import Pmapped
from mtlx.train.step import PARTS
from mtlx.types import Needs

STRATEGIES = ("jit", "pmap", "shard_map", "fsdp")


def make_parallel(
    parallel: str | None,
    mesh: Mapping[str, int] | None = None,
    *,
    batch_size: int,
    needs: Needs = frozenset(),
    shard_rows: bool = False,
) -> OneDevice:
    """The strategy called `parallel`; all of them make the update of one device.

    * None: one device.
    * "jit": one program over all devices, state on each, batch along "data".
    * "fsdp": the same, with parameters and optimizer state along "data" as well.
    * "shard_map": a program a device, with explicit sums over "data".
    * "pmap": the same by `jax.pmap`, on a mesh of "data" alone.

    Args:
        parallel: one of the above.
        mesh: sizes of its axes, see `make_mesh`; None: all devices along "data".
        batch_size: rows of a step, on all devices together.
        needs: `Balancer.needs`.
        shard_rows: whether a resident training split lies along "data" as well; only
            for one program over all devices.

    Raises:
        ValueError: an unknown name, a mesh that does not fit, or rows that do not
            divide over the devices.
    """
    if parallel is None:
        _check_alone(mesh, shard_rows)
        return OneDevice()
    if parallel not in STRATEGIES:
        raise ValueError(
            f"Expected parallel to be null or one of {', '.join(STRATEGIES)}, found "
            f"{parallel!r}."
        )
    grid = make_mesh(mesh)
    parts = max([1, *(count for need, count in PARTS.items() if need in needs)])
    if parallel in ("jit", "fsdp"):
        _check_rows(parallel, batch_size, grid.shape["data"])
        return GlobalView(grid, fsdp=parallel == "fsdp", shard_rows=shard_rows)
    _check_rows(parallel, batch_size, grid.shape["data"], parts)
    if shard_rows:
        raise ValueError(
            f"shard_rows=True expected parallel to be jit or fsdp, found {parallel!r}."
        )
    if parallel == "pmap":
        _check_pmap(dict(grid.shape))
        return Pmapped(grid, parts)
    return PerDevice(grid, parts)


def _check_alone(mesh: Mapping[str, int] | None, shard_rows: bool) -> None:
    if mesh is not None or shard_rows or jax.process_count() > 1:
        raise ValueError(
            f"parallel=null expected one process, mesh=null and shard_rows=False, "
            f"found {jax.process_count()} processes, mesh={mesh} and shard_rows="
            f"{shard_rows}. Choose parallel=jit."
        )


def _check_rows(parallel: str, batch_size: int, devices: int, parts: int = 1) -> None:
    multiple = devices * parts
    if batch_size % multiple:
        lower = batch_size // multiple * multiple
        choices = [size for size in (lower, lower + multiple) if size]
        why = f" x {parts} independent parts" if parts > 1 else ""
        raise ValueError(
            f"parallel={parallel!r} expected a batch_size that is a multiple of "
            f"{multiple} ({devices} devices along data{why}), found {batch_size}. "
            f"Choose {' or '.join(map(str, choices))}."
        )


def _check_pmap(shape: dict[str, int]) -> None:
    if shape["model"] > 1 or shape["member"] > 1 or jax.process_count() > 1:
        raise ValueError(
            f"parallel='pmap' expected a mesh of data alone in one process, found "
            f"{shape} in {jax.process_count()}. Choose jit or shard_map."
        )
