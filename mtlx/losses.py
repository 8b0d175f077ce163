"""Per-example losses, and their mean over the rows that count.

Every loss maps (outputs, labels) to one float32 value a row. `masked_mean` is the only
reduction: it leaves out the rows where `where` is False, and a task without rows has
loss 0 and gradient 0.
"""

import jax
import jax.numpy as jnp
import optax

from mtlx.types import Array, Bool, Float, Int


def binary_cross_entropy(
    logits: Float[Array, "batch"], labels: Float[Array, "batch"]
) -> Float[Array, "batch"]:
    """-y log s(x) - (1 - y) log(1 - s(x)), s the logistic function."""
    return optax.sigmoid_binary_cross_entropy(
        logits.astype(jnp.float32), labels.astype(jnp.float32)
    )


def squared_error(
    predictions: Float[Array, "batch"], labels: Float[Array, "batch"]
) -> Float[Array, "batch"]:
    """(x - y)^2."""
    return jnp.square(predictions.astype(jnp.float32) - labels.astype(jnp.float32))


def categorical_cross_entropy(
    logits: Float[Array, "batch classes"],
    labels: Int[Array, "batch"] | Float[Array, "batch"],
) -> Float[Array, "batch"]:
    """-log softmax(x)_y."""
    return optax.softmax_cross_entropy_with_integer_labels(
        logits.astype(jnp.float32), labels.astype(jnp.int32)
    )


def multilabel_cross_entropy(
    logits: Float[Array, "batch labels"],
    labels: Int[Array, "batch labels"] | Float[Array, "batch labels"],
) -> Float[Array, "batch"]:
    """Mean over the row's K labels of -y_k log s(x_k) - (1 - y_k) log(1 - s(x_k)).

    A label below 0 is none: the mean is over the others, and no gradient comes from it.
    A row without any has loss 0. (A sum over K labels, as some write it, is K times
    the mean: a task with many labels would then outweigh the others.)
    """
    known = labels >= 0
    y = jnp.where(known, labels, 0).astype(jnp.float32)
    values = optax.sigmoid_binary_cross_entropy(logits.astype(jnp.float32), y)
    total = jnp.sum(jnp.where(known, values, 0.0), axis=1, dtype=jnp.float32)
    return total / jnp.maximum(jnp.sum(known, axis=1, dtype=jnp.float32), 1.0)


def mean_squared_error(
    predictions: Float[Array, "batch values"], labels: Float[Array, "batch values"]
) -> Float[Array, "batch"]:
    """Mean over the row's K values of (x_k - y_k)^2."""
    gaps = predictions.astype(jnp.float32) - labels.astype(jnp.float32)
    return jnp.mean(jnp.square(gaps), axis=1)


def masked_mean(
    values: Float[Array, "batch"],
    where: Bool[Array, "batch"],
    axis_name: str | None = None,
) -> Float[Array, ""]:
    """Mean of `values` over the rows where `where` is True; 0 if there is none.

    A value that does not count may be anything, NaN included: it is replaced before the
    sum, so that neither the mean nor its gradient sees it.

    With `axis_name`, the rows are those of one device on that axis, and the result is
    its share of the mean: the shares of all devices add up to the mean over all rows,
    however unevenly `where` lies. (A mean of the devices' means would not.)
    """
    total = jnp.sum(jnp.where(where, values, 0.0), dtype=jnp.float32)
    count = jnp.sum(where, dtype=jnp.float32)
    if axis_name is not None:
        count = jax.lax.psum(count, axis_name)
    return total / jnp.maximum(count, 1.0)
