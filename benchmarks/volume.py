"""What a step exchanges between devices, and how it scales: paper planning.

A device sends and receives 2 (N - 1) / N V bytes in a ring all-reduce of V bytes over N
devices. The seconds are those of the slowest link on the way, plus a latency a stage.
"""

from collections.abc import Callable
from typing import NamedTuple

from mtlx import tree
from mtlx.gradients import Path, split
from mtlx.types import Needs, PyTree

FLOAT32 = 4


class Sizes(NamedTuple):
    """Numbers of parameters."""

    shared: int
    own: int


def sizes_of(params: PyTree, owner: Callable[[Path], str | None]) -> Sizes:
    """Shared and own parameters of a model."""
    shared, own = split(params, owner)
    return Sizes(tree.count(shared), tree.count(own))


def gradients(num_tasks: int, needs: Needs) -> int:
    """How often the gradient of all shared parameters is summed over devices."""
    if "cross_gram" in needs:
        return 2 * num_tasks + 1
    return num_tasks if needs & {"gram", "grads"} else 1


def volume(sizes: Sizes, num_tasks: int, needs: Needs, width: int = FLOAT32) -> int:
    """V, bytes that one device puts into all-reduces in a step, state on every device.

    Losses, counts of rows (4 T bytes each) and batch statistics (4 numbers a unit) come
    on top.
    """
    summed = gradients(num_tasks, needs) * sizes.shared + sizes.own
    return width * summed


class Link(NamedTuple):
    """An interconnect: islands of `island` devices, and a network between them."""

    name: str
    island: int
    inside: float  # bytes a second and direction, of one device
    between: float
    latency_inside: float  # seconds a stage
    latency_between: float


LINKS = (
    Link("NVLink 450 GB/s x 8, 400 Gb/s a device", 8, 450e9, 50e9, 3e-6, 10e-6),
    Link("PCIe 25 GB/s x 8, 100 Gb/s a host", 8, 25e9, 12.5e9 / 8, 5e-6, 25e-6),
)


def all_reduce_seconds(size: float, devices: int, link: Link) -> float:
    """Reduce-scatter in the island, all-reduce between islands, all-gather back.

    2 (n - 1) / n V / b_in + 2 (m - 1) / m (V / n) / b_out for m islands of n devices,
    and a latency for each of the 2 log2(n) and 2 log2(m) stages of a tree.
    """
    n = min(devices, link.island)
    m = max(1, devices // link.island)
    inside = 2 * (n - 1) / n * size / link.inside
    between = 2 * (m - 1) / m * size / n / link.between
    stages = (n - 1).bit_length() * link.latency_inside
    stages += (m - 1).bit_length() * link.latency_between
    return inside + between + 2 * stages


def efficiency(
    compute: float, size: float, calls: int, devices: int, link: Link
) -> float:
    """Share of a step that is arithmetic, rows a device fixed and nothing overlapped.

    Args:
        compute: seconds of arithmetic a step on one device.
        size: V.
        calls: all-reduces that V comes in.
        devices: N.
        link: what connects them.
    """
    if devices == 1:
        return 1.0
    latency = (calls - 1) * all_reduce_seconds(0.0, devices, link)
    return compute / (compute + all_reduce_seconds(size, devices, link) + latency)
