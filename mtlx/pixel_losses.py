"""Losses of tasks with a label a pixel: one value a row, like `mtlx.losses`.

The value of a row is the mean over its pixels that have a label; a row without any has
loss 0 and gradient 0 (a data set leaves it out by `where`). Rows count alike however
many of their pixels are labelled: then row masks, parts of a batch and devices go on
to work as for any task. The usual mean over all labelled pixels of a batch differs
from it only where the rows' numbers of labelled pixels do.
"""

import jax.numpy as jnp
import optax

from mtlx.types import Array, Float, Int

Depth = Float[Array, "batch height width"]
Normals = Float[Array, "batch height width 3"]


def pixel_cross_entropy(
    logits: Float[Array, "batch height width classes"],
    labels: Int[Array, "batch height width"],
) -> Float[Array, "batch"]:
    """-log softmax(x)_y of a pixel; a label below 0 is none."""
    known = labels >= 0
    values = optax.softmax_cross_entropy_with_integer_labels(
        logits.astype(jnp.float32), jnp.where(known, labels, 0)
    )
    return _mean_of_row(values, known)


def pixel_absolute_error(predictions: Depth, labels: Depth) -> Float[Array, "batch"]:
    """|x - y| of a pixel; a label that is no finite number is none.

    Reference: Liu, Johns, Davison, "End-to-End Multi-Task Learning with Attention",
    CVPR 2019, equation 5, for depth.
    """
    known = jnp.isfinite(labels)
    labels = jnp.where(known, labels, 0.0)
    return _mean_of_row(jnp.abs(predictions.astype(jnp.float32) - labels), known)


def pixel_cosine(predictions: Normals, labels: Normals) -> Float[Array, "batch"]:
    """1 - <x, y> / |x| of a pixel; a label that is no unit vector of numbers is none.

    Reference: Liu, Johns, Davison, CVPR 2019, equation 6, for surface normals; plus 1,
    so that it is not negative: some balancers take logarithms.
    """
    known = jnp.all(jnp.isfinite(labels), axis=-1)
    labels = jnp.where(known[..., None], labels, 0.0)
    x = predictions.astype(jnp.float32)
    # Inside the root: the length of a zero vector has no gradient.
    length = jnp.sqrt(jnp.sum(jnp.square(x), axis=-1) + 1e-12)
    return _mean_of_row(1.0 - jnp.sum(x * labels, axis=-1) / length, known)


def _mean_of_row(values: Array, known: Array) -> Array:
    total = jnp.sum(jnp.where(known, values, 0.0), axis=(1, 2), dtype=jnp.float32)
    return total / jnp.maximum(jnp.sum(known, axis=(1, 2), dtype=jnp.float32), 1.0)
