"""A table's part of the Gram matrix, from the rows that were read."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.extend.core as core
import jax.numpy as jnp
from jax.lax import GatherScatterMode

from mtlx.gradients.program import Var, read
from mtlx.types import Array


def gather_kernel(
    eqn: core.JaxprEqn, place: int, values: Mapping[Var, Any], num_tasks: int
) -> Callable[[Array], Array] | None:
    """c -> S^T S c, S c the sums over the reads of one id: the rows of g not zero.

    None where the table has no more rows than the batch reads, or where the operation
    is not one that reads whole rows of a table.

    Args:
        eqn: a `gather`.
        place: 0, the operand that is the table.
        values: of the program's variables.
        num_tasks: T.
    """
    table, ids = eqn.invars
    reads = math.prod(ids.aval.shape[:-1])
    if place != 0 or not _reads_rows(eqn) or table.aval.shape[0] <= reads:
        return None

    def apply(cotangents):
        (rows,) = read(values, [ids])
        rows = rows.reshape(-1)
        mode, length = eqn.params["mode"], table.aval.shape[0]
        if mode == GatherScatterMode.CLIP:
            rows = jnp.clip(rows, 0, length - 1)
        known = (rows >= 0) & (rows < length)
        _, group = jnp.unique(rows, return_inverse=True, size=reads, fill_value=length)
        group = group.reshape(-1)

        def one(cotangent):
            kept = jnp.where(known[:, None], cotangent.reshape(reads, -1), 0.0)
            merged = jax.ops.segment_sum(kept, group, num_segments=reads)
            moved = jnp.where(known[:, None], merged[group], 0.0)
            return moved.reshape(cotangent.shape)

        return jax.vmap(one)(cotangents)

    return apply


def _reads_rows(eqn: core.JaxprEqn) -> bool:
    """Whether output[..., :] is table[ids[...], :]."""
    table, ids = (var.aval.shape for var in eqn.invars)
    numbers = eqn.params["dimension_numbers"]
    return (
        len(table) == 2
        and len(ids) >= 2
        and ids[-1] == 1
        and numbers.collapsed_slice_dims == (0,)
        and numbers.start_index_map == (0,)
        and numbers.offset_dims == (len(ids) - 1,)
        and eqn.params["slice_sizes"] == (1, table[1])
    )
