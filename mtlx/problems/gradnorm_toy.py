"""GradNorm's toy: one function of many inputs, seen by tasks of unlike scale."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtlx.types import Array, Float, Int, PRNGKeyArray

__all__ = ["GradNormToy", "gradnorm_toy", "wide_scales"]

INPUTS, OUTPUTS = 250, 100


class GradNormToy(NamedTuple):
    """T regressions with OUTPUTS outputs each, and fixed rows to score them on."""

    scales: Array  # [T] sigma
    draw: Callable[[Array, int], tuple[Array, Array]]  # (key, B) -> [B, n], [T, B, m]
    test: tuple[Array, Array]


def gradnorm_toy(
    scales: Sequence[float] | Float[Array, "tasks"] = (1.0, 100.0),
    seed: int | Int[Array, ""] = 0,
    test_rows: int = 500,
) -> GradNormToy:
    """Targets sigma_i tanh((B + eps_i) x): alike but for details and their scale.

    B and eps_i [100, 250] have independent normal entries of standard deviation 10 and
    3.5, the latter a task each. x is uniform in a cube, and normalised to length 1.

    Args:
        scales: sigma, one a task. The paper takes 1 and 100 for two tasks; for ten it
            draws them "from a wide normal distribution" that it does not print.
        seed: draws B, eps and the test rows; may be a tracer.
        test_rows: how many.

    Returns:
        What draws fresh rows, and the test rows.

    Reference: Chen et al., "GradNorm: Gradient Normalization for Adaptive Loss
    Balancing in Deep Multitask Networks", ICML 2018, section 4. Whether 10 and 3.5 are
    standard deviations or variances, and what x is, the paper leaves open; ours are the
    choices of public reimplementations.
    """
    keys = jax.random.split(jax.random.key(seed), 3)
    scales = jnp.asarray(scales, jnp.float32)
    common = 10.0 * jax.random.normal(keys[0], (OUTPUTS, INPUTS))
    details = 3.5 * jax.random.normal(keys[1], (scales.size, OUTPUTS, INPUTS))
    matrices = common[None] + details

    def draw(key: PRNGKeyArray, rows: int):
        inputs = jax.random.uniform(key, (rows, INPUTS), minval=-1.0)
        inputs = inputs / jnp.linalg.norm(inputs, axis=1, keepdims=True)
        products = jnp.einsum("tmn,bn->tbm", matrices, inputs)
        return inputs, scales[:, None, None] * jnp.tanh(products)

    return GradNormToy(scales, draw, draw(keys[2], test_rows))


def wide_scales(num_tasks: int, seed: int = 0) -> Float[Array, "tasks"]:
    """|N(0, 50^2)|, one a task: our reading of the paper's "wide normal"."""
    return 50.0 * jnp.abs(jax.random.normal(jax.random.key(seed), (num_tasks,)))
