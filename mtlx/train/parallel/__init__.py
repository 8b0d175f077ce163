"""Many devices: the only place where there is a device mesh.

A strategy says where state, feed and batch lie, and compiles the program of a run.
"""

from mtlx.train.parallel.layout import (
    map_members,
    member_layout,
    replicate,
    shard_members,
    state_layout,
)
from mtlx.train.parallel.mesh import Mesh, make_mesh
from mtlx.train.parallel.one_device import OneDevice
from mtlx.train.parallel.processes import (
    first_process_first,
    is_writer,
    join_processes,
)
from mtlx.train.parallel.strategies import STRATEGIES, make_parallel

__all__ = [
    "STRATEGIES",
    "OneDevice",
    "first_process_first",
    "is_writer",
    "join_processes",
    "make_mesh",
    "make_parallel",
    "Mesh",
    "map_members",
    "member_layout",
    "replicate",
    "shard_members",
    "state_layout",
]
