"""Cross-product features, hashed."""

from collections.abc import Sequence

import jax.numpy as jnp

from mtlx.types import Array, Int


def hashed_cross(
    ids: Sequence[Int[Array, "batch"]], buckets: int
) -> Int[Array, "batch"]:
    """One id in 0 .. buckets - 1 for each combination of ids; some share a bucket.

        h_0 = 2166136261, h_c = (h_{c-1} xor id_c) 16777619 mod 2^32, and in the end
        the bits mixed: h xor= h >> 16, h *= 0x85ebca6b, h xor= h >> 13,
        h *= 0xc2b2ae35, h xor= h >> 16

    Reference: Fowler, Noll, Vo's FNV-1a, of 32-bit words in place of bytes, whose low
    bits alone would keep patterns; hence Appleby's finaliser of MurmurHash3.

    >>> hashed_cross([jnp.array([1, 2]), jnp.array([2, 1])], 1000).tolist()
    [258, 30]
    """
    h = jnp.full(ids[0].shape, 2166136261, jnp.uint32)
    for column in ids:
        h = (h ^ column.astype(jnp.uint32)) * jnp.uint32(16777619)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        h = (h ^ (h >> shift)) * jnp.uint32(factor)
    h = h ^ (h >> 16)
    return (h % jnp.uint32(buckets)).astype(jnp.int32)
