"""The Gram matrix from activations and cotangents, layer by layer: never T x n."""

from collections.abc import Sequence

import jax.numpy as jnp

from mtlx.gradients.buffer import Block, Buffer
from mtlx.gradients.division import depending
from mtlx.gradients.parameters import Flat, Path
from mtlx.gradients.program import Var
from mtlx.gradients.segments import Segment, segments, width
from mtlx.gradients.sites import find_sites
from mtlx.gradients.tape import Tape
from mtlx.gradients.trunk import Cotangents, Operations
from mtlx.types import Array


def ghost_grams(
    operations: Operations,
    tape: Tape,
    cotangents: Sequence[Cotangents],
    groups: Sequence[Sequence[Path]],
    metric: Flat | None,
) -> list[Array]:
    """G [T, T] of each group of parameters, without their gradients.

    The tasks' cotangents C_t go back through the trunk side by side, and each parameter
    adds its <g_i, g_j> where they pass. For y = x W that is

        <x^T C_i, x^T C_j> = <C_i, (x x^T) C_j>,

    whichever of the two sides costs less for the shape: the right one where the batch
    is small against the layer. The gradient of a table that is longer than the batch
    is summed over the ids that are there. Every other use of a parameter (a bias, the
    scale of a norm, a kernel read twice or inside control flow) stacks that parameter's
    T gradients and drops them once they are contracted; so do all with a metric.

    More than four tasks go through every stretch of operations in blocks (of four, from
    32 tasks on eight blocks), in place, so that what is held is one cotangent a task
    and a part of that.

    Args:
        operations, tape: of the trunk.
        cotangents: of the boundary, one list a task.
        groups: paths that each matrix is taken over.
        metric: diagonal of P, {path: array}, or None.

    Reference:
        Goodfellow, "Efficient per-example gradient computations", arXiv:1510.01799, for
        norms of the gradients of rows; here they are inner products of the gradients of
        tasks, each over the whole batch.
    """
    num_tasks = len(cotangents)
    names = {operations.inputs[path]: path for group in groups for path in group}
    needed = depending(operations.eqns, list(names))
    sites = find_sites(operations, tape, names if metric is None else {}, num_tasks)
    rows = [
        {
            var: ct
            for var, ct in zip(operations.boundary, each, strict=True)
            if ct is not None and var in needed
        }
        for each in cotangents
    ]
    start = list(dict.fromkeys(var for row in rows for var in row))
    zero = jnp.zeros((num_tasks, num_tasks), jnp.float32)
    if not start:
        return [zero for _ in groups]
    parts = segments(tape.entries, start, needed, set(names), sites)
    buffer = Buffer.start(rows, start, width(start, parts), len(groups))
    numbers = {path: number for number, group in enumerate(groups) for path in group}
    # The first part may be empty: the stop at the boundary itself.
    for before, part in zip([None, *parts], [*parts, None], strict=True):
        buffer = buffer.step(
            lambda block, at=before: _products(at, block, names, numbers, metric),
            lambda block, to=part: {} if to is None else to.run(block, needed),
            [] if part is None else part.live,
        )
    return [buffer.gram(number, num_tasks) for number in range(len(groups))]


def _products(
    part: Segment | None,
    block: Block,
    names: dict[Var, Path],
    numbers: dict[Path, int],
    metric: Flat | None,
) -> dict[int, Block]:
    """K c for what there is to contract at the stop after a segment."""
    products = {}
    for var in () if part is None else part.done:
        path = names[var]
        moved = block[var].astype(jnp.float32)
        moved = moved if metric is None else moved * metric[path][None]
        products.setdefault(numbers[path], {})[var] = moved
    if part is not None and part.site is not None:
        site = part.site
        moved = site.apply(block[site.output].astype(jnp.float32))
        products.setdefault(numbers[site.path], {})[site.output] = moved
    return products
