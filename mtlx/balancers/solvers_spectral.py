"""Pseudo-inverses of T x T Gram matrices on the device in float32."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtlx.types import Array, Float

RANK = 2e-6  # of the largest eigenvalue: what float32 tells from 0
RESOLUTION = 1e-6  # of |1|^2: a smaller part of it in the range of C is rounding


class Spectrum(NamedTuple):
    """Eigenvalues and eigenvectors, and which count as not 0."""

    values: Array  # [T]
    vectors: Array  # [T, T], one a column
    kept: Array  # [T] bool


class Cosines(NamedTuple):
    """A Gram matrix in its unit-diagonal scaling."""

    matrix: Array  # [T, T] cosines; 0 in the rows and columns of zero gradients
    norms: Array  # [T] |g_i|; 1 where that is 0
    nonzero: Array  # [T] bool


def spectrum(matrix: Float[Array, "tasks tasks"]) -> Spectrum:
    """Eigendecomposition of a positive semi-definite matrix."""
    values, vectors = jnp.linalg.eigh(matrix)
    largest = values[-1]
    return Spectrum(values, vectors, (values > RANK * largest) & (largest > 0))


def apply(parts: Spectrum, values: Array, vector: Array) -> Float[Array, "tasks"]:
    """V diag(values) V^T vector over the kept eigenvectors."""
    precision = jax.lax.Precision.HIGHEST
    inner = jnp.matmul(parts.vectors.T, vector, precision=precision)
    inner = jnp.where(parts.kept, values * inner, 0.0)
    return jnp.matmul(parts.vectors, inner, precision=precision)


def inverse(parts: Spectrum) -> Float[Array, "tasks"]:
    """1 / lambda, 0 where that is not kept."""
    return jnp.where(parts.kept, 1.0 / jnp.where(parts.kept, parts.values, 1.0), 0.0)


def cosines(gram: Float[Array, "tasks tasks"]) -> Cosines:
    """Norms and cosines of the gradients.

    A pseudo-inverse that is cut off on this matrix does not lose small gradients beside
    large ones, nor change with the scale of a loss.
    """
    norms = jnp.sqrt(jnp.maximum(jnp.diagonal(gram), 0.0))
    nonzero = norms > 0
    norms = jnp.where(nonzero, norms, 1.0)
    matrix = gram / norms[:, None] / norms[None, :]
    unit = jnp.diag(nonzero.astype(gram.dtype))
    return Cosines(
        jnp.where(jnp.eye(norms.size, dtype=bool), unit, matrix), norms, nonzero
    )


def equal_cosines(angles: Cosines) -> Float[Array, "tasks"]:
    """v = C^+ 1: coefficients of the unit gradients that make their cosines equal.

    sum_i v_i u_i has the same inner product, 1, with every u_i where that can be, and
    the nearest in least squares where it cannot; 0 where the nearest is 0, as for two
    opposed gradients. Zero gradients are left out.
    """
    ones = angles.nonzero.astype(jnp.float32)
    parts = spectrum(angles.matrix)
    reached = jnp.sum(apply(parts, jnp.ones_like(ones), ones) ** 2)
    resolved = angles.nonzero & (reached > RESOLUTION * jnp.sum(ones))
    return jnp.where(resolved, apply(parts, inverse(parts), ones), 0.0)


def equal_cosines_residual(
    matrix: Float[Array, "tasks tasks"], solution: Float[Array, "tasks"]
) -> Float[Array, ""]:
    """max_i |(C v)_i - 1| over the rows of C that are not 0.

    A certificate at run time for v = C^+ 1: 0 where all gradients have the same cosine
    with the direction, up to 1 and more where no direction has.
    """
    image = jnp.matmul(matrix, solution, precision=jax.lax.Precision.HIGHEST)
    nonzero = jnp.diagonal(matrix) > 0
    return jnp.max(jnp.where(nonzero, jnp.abs(image - 1.0), 0.0))
