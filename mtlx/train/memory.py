"""How many members of a population the memory holds, and how many a cache."""

import math
import os

import jax

SHARE = 0.5  # of the memory that a population may take; data and the host need some
CACHE = 2**20  # bytes: the cache that a core of a CPU has to itself


def memory_limit() -> int:
    """Bytes that a program may take on the first device."""
    stats = jax.local_devices()[0].memory_stats() or {}
    total = stats.get("bytes_limit")
    if total is None:  # a CPU does not say
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return int(SHARE * total)


def footprint(compiled: jax.stages.Compiled) -> int:
    """Bytes of a compiled program: arguments, results and temporaries."""
    sizes = compiled.memory_analysis()
    if sizes is None:
        return 0
    return (
        sizes.argument_size_in_bytes
        + sizes.output_size_in_bytes
        + sizes.temp_size_in_bytes
        - sizes.alias_size_in_bytes
    )


def group_size(members: int, need: int, limit: int) -> int:
    """Members in each of the fewest equal groups that fit.

    >>> group_size(10, need=90, limit=100), group_size(10, need=210, limit=100)
    (10, 4)
    """
    groups = max(1, math.ceil(need / max(limit, 1)))
    return max(1, math.ceil(members / groups))


def block_size(members: int, need: int, cache: int = CACHE) -> int:
    """Members that a cache holds at once; a divisor of all, if one is near.

    Without a block left over the program has one body.

    >>> block_size(50, need=700, cache=100), block_size(7, need=50, cache=100)
    (5, 7)
    """
    most = min(members, max(1, members * cache // max(need, 1)))
    near = (size for size in range(most, most // 2, -1) if members % size == 0)
    return next(near, most)
