"""What the Gram matrix says about a step, for free: logged wherever there is one."""

import jax.numpy as jnp

from mtlx.types import Array, Bool, Float

NAMES = (
    "cosine",
    "conflict",
    "magnitude_similarity",
    "condition",
    "worst_descent",
    "length",
)


def diagnose(
    gram: Float[Array, "tasks tasks"],
    weights: Float[Array, "tasks"],
    present: Bool[Array, "tasks"],
) -> dict[str, Float[Array, ""]]:
    """Six numbers on the gradients of the tasks present and on d = J^T w.

    * cosine: mean of c_ij = G_ij / (n_i n_j) over pairs, n_i = sqrt(G_ii);
    * conflict: share of pairs with c_ij < 0;
    * magnitude_similarity: mean of 2 n_i n_j / (n_i^2 + n_j^2) over pairs (Yu et al.
      2020, definition 2): 1 for equal norms;
    * condition: largest over smallest eigenvalue of [c_ij], at most 1e7, what float32
      can tell;
    * worst_descent: min_i <g_i, d> / (n_i |d|) = min_i (G w)_i / (n_i |d|): below 0 the
      step goes against some task;
    * length: |d| over the norm of the plain sum of the gradients.

    Pairs are those of tasks present with a gradient; where there is none, and where a
    denominator is 0, the number is NaN, which a mean over an epoch leaves out.

    Args:
        gram: G = J J^T.
        weights: w.
        present: tasks with rows in the batch.
    """
    norms = jnp.sqrt(jnp.maximum(jnp.diagonal(gram), 0.0))
    live = present & (norms > 0)
    safe = jnp.where(live, norms, 1.0)
    cosine = gram / (safe[:, None] * safe[None, :])
    pairs = live[:, None] & live[None, :] & ~jnp.eye(len(norms), dtype=bool)
    alike = 2.0 / (safe[:, None] / safe[None, :] + safe[None, :] / safe[:, None])
    drop = jnp.where(live, weights, 0.0)
    image = gram @ drop
    length = jnp.sqrt(jnp.maximum(drop @ image, 0.0))
    ones = live.astype(jnp.float32)
    plain = jnp.sqrt(jnp.maximum(ones @ gram @ ones, 0.0))
    descent = jnp.min(jnp.where(live, image / safe, jnp.inf))
    return {
        "cosine": _mean(cosine, pairs),
        "conflict": _mean((cosine < 0).astype(jnp.float32), pairs),
        "magnitude_similarity": _mean(alike, pairs),
        "condition": _condition(cosine, live),
        "worst_descent": _ratio(descent, length),
        "length": _ratio(length, plain),
    }


def _mean(values: Array, where: Array) -> Array:
    return _ratio(jnp.sum(jnp.where(where, values, 0.0)), jnp.sum(where))


def _ratio(above: Array, below: Array) -> Array:
    return jnp.where(below > 0, above / jnp.where(below > 0, below, 1.0), jnp.nan)


def _condition(cosine: Array, live: Array) -> Array:
    """Absent tasks become directions of their own, with eigenvalue 1."""
    both = live[:, None] & live[None, :]
    eye = jnp.eye(len(live), dtype=cosine.dtype)
    eigenvalues = jnp.linalg.eigvalsh(jnp.where(both, cosine, eye))
    ratio = eigenvalues[-1] / jnp.maximum(eigenvalues[0], 1e-7 * eigenvalues[-1])
    return jnp.where(jnp.any(live), ratio, jnp.nan)
