"""The Gram matrix from gradients of which few are held at a time."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from mtlx import tree
from mtlx.gradients.parameters import Flat, Path
from mtlx.gradients.trunk import Cotangents, Trunk, filled
from mtlx.types import Array

# Half of the memory of all gradients at once, for 1.5 to 2.5 times the pulls.
NUM_BLOCKS = 4


def block_grams(
    trunk: Trunk,
    cotangents: Sequence[Cotangents],
    groups: Sequence[Sequence[Path]],
    metric: Flat | None,
) -> list[Array]:
    """G [T, T] of each group, from two blocks of tasks at a time.

    Block I of the gradients is kept while the blocks J > I are pulled back one after
    another (`jax.lax.map`), and G_IJ = J_I J_J^T is all that stays of a pair. Tasks are
    dealt to at most four blocks of one size; the last is filled up with zeros.

    Args:
        trunk: what the heads share.
        cotangents: of the boundary, one list a task.
        groups: paths that each matrix is taken over.
        metric: diagonal of P, {path: array}, or None.
    """
    num_tasks = len(cotangents)
    size = -(-num_tasks // NUM_BLOCKS)
    rows = [filled(cotangent, trunk.boundary) for cotangent in cotangents]
    blocks = [_block(rows[i : i + size], size) for i in range(0, num_tasks, size)]
    paths = [path for group in groups for path in group]
    wide = len(blocks) * size
    grams = [jnp.zeros((wide, wide), jnp.float32) for _ in groups]
    for i, block in enumerate(blocks):
        kept = _gradients(trunk, block, paths)
        later = jax.tree.map(lambda *leaves: jnp.stack(leaves), *blocks[i:])

        def products(other, kept=kept):
            pulled = _gradients(trunk, other, paths)
            return [_product(kept, pulled, group, metric, size) for group in groups]

        for number, strip in enumerate(jax.lax.map(products, later)):
            strip = jnp.concatenate(list(strip), axis=1)
            rows_at, columns_at = slice(i * size, (i + 1) * size), slice(i * size, None)
            grams[number] = grams[number].at[rows_at, columns_at].set(strip)
    return [_symmetric(gram)[:num_tasks, :num_tasks] for gram in grams]


def _block(rows: list[list[Array]], size: int) -> list[Array]:
    """Rows of cotangents as one list of [size, ...]."""
    padding = [[jnp.zeros_like(leaf) for leaf in rows[0]]] * (size - len(rows))
    return [jnp.stack(leaves) for leaves in zip(*rows, *padding, strict=True)]


def _gradients(trunk: Trunk, block: list[Array], paths: Sequence[Path]) -> Flat:
    def pull(cotangents):
        gradient = trunk.pull(cotangents)
        return {path: gradient[path] for path in paths}

    return jax.vmap(pull)(block)


def _product(left: Flat, right: Flat, group: Sequence[Path], metric, size) -> Array:
    left, right = ({path: side[path] for path in group} for side in (left, right))
    metric = None if metric is None else {path: metric[path] for path in group}
    return tree.gram(left, size, right, metric)


def _symmetric(gram: Array) -> Array:
    """Of a matrix whose blocks below the diagonal are zero, diagonal blocks whole."""
    upper = jnp.triu(gram)
    return upper + jnp.triu(upper, 1).T
