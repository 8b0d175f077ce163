"""The random process behind the MMoE paper's synthetic tasks, as pure functions."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtlx.types import Array, Batch, Float, PRNGKeyArray

Scalar = float | Float[Array, ""]


@functools.partial(jax.jit, static_argnames="dim")
def draw_mmoe_weights(
    key: PRNGKeyArray, correlation: Scalar, dim: int, c: Scalar
) -> Float[Array, "2 dim"]:
    """Two weight vectors with the cosine `correlation`.

    w_1 = c u_1,   w_2 = c (p u_1 + sqrt(1 - p^2) u_2),   u_1, u_2 orthonormal.

    Args:
        key: draws u_1 and u_2, uniform over the sphere.
        correlation: p; may be a tracer.
        dim: length of the vectors, at least 2.
        c: norm of the vectors.

    Reference: MMoE paper, section 3.2, steps 1 and 2 (equation 2).
    """
    first, second = jax.random.normal(key, (2, dim))
    u1 = first / jnp.linalg.norm(first)
    second = second - jnp.vdot(second, u1) * u1
    u2 = second / jnp.linalg.norm(second)
    w2 = correlation * u1 + jnp.sqrt(1.0 - jnp.square(correlation)) * u2
    return c * jnp.stack([u1, w2])


@jax.jit
def draw_mmoe_labels(
    key: PRNGKeyArray,
    inputs: Float[Array, "batch dim"],
    weights: Float[Array, "tasks dim"],
    alpha: Float[Array, "sines"],
    beta: Float[Array, "sines"],
    noise_std: Scalar,
) -> Float[Array, "batch tasks"]:
    """y_k = w_k' x + sum_i sin(alpha_i w_k' x + beta_i) + e_k, e_k ~ N(0, noise_std^2).

    Reference: MMoE paper, section 3.2, step 4 (equations 3 and 4).
    """
    # The sines multiply errors of the products by up to alpha, so that an accelerator's
    # reduced matmul precision would show in the labels.
    products = jnp.matmul(inputs, weights.T, precision="highest")
    phases = products[:, :, None] * alpha[None, None, :] + beta[None, None, :]
    noise = noise_std * jax.random.normal(key, products.shape)
    return products + jnp.sum(jnp.sin(phases), axis=-1) + noise


@jax.jit
def mmoe_label_std(
    c: Scalar, alpha: Float[Array, "sines"], beta: Float[Array, "m"], noise_std: Scalar
) -> Float[Array, ""]:
    """Standard deviation of a label, in closed form.

    w_k' x ~ N(0, c^2) whatever the weights, and for z ~ N(0, c^2)
    E sin(a z + b) = exp(-(a c)^2 / 2) sin b, from which with
    2 sin s sin t = cos(s - t) - cos(s + t) and Stein's E z f(z) = c^2 E f'(z) follow
    all the moments of z + sum_i sin(alpha_i z + beta_i).
    """

    def damping(frequency):
        return jnp.exp(-jnp.square(frequency * c) / 2.0)

    a, a_ = alpha[:, None], alpha[None, :]
    b, b_ = beta[:, None], beta[None, :]
    products = (
        damping(a - a_) * jnp.cos(b - b_) - damping(a + a_) * jnp.cos(b + b_)
    ) / 2.0
    mean = jnp.sum(damping(alpha) * jnp.sin(beta))
    cross = jnp.square(c) * jnp.sum(alpha * damping(alpha) * jnp.cos(beta))
    second_moment = jnp.square(c) + 2.0 * cross + jnp.sum(products)
    return jnp.sqrt(second_moment - jnp.square(mean) + jnp.square(noise_std))


class MmoeProcess(NamedTuple):
    """The numbers of a process of T tasks; `scale` divides the labels."""

    weights: Array  # [T, dim] w_k
    alpha: Array  # [m]
    beta: Array  # [m]
    noise_std: Array  # []
    scale: Array  # []

    @classmethod
    def of(
        cls,
        weights: Float[Array, "tasks dim"],
        c: Scalar,
        alpha: Float[Array, "sines"],
        beta: Float[Array, "sines"],
        noise_std: Scalar,
        standardise: bool,
    ) -> "MmoeProcess":
        """`c` is the norm of every w_k, by which labels are standardised."""
        std = mmoe_label_std(c, alpha, beta, noise_std)
        scale = std if standardise else jnp.ones_like(std)
        return cls(weights, alpha, beta, jnp.float32(noise_std), scale)


# Compiled once for all data sets of a shape: their parameters are arguments.
@functools.partial(jax.jit, static_argnames="batch_size")
def sample_mmoe(process: MmoeProcess, key: PRNGKeyArray, batch_size: int) -> Batch:
    """Fresh rows of the tasks "task_1" .. "task_T", as a `Stream` draws them."""
    weights, alpha, beta, noise_std, scale = process
    input_key, noise_key = jax.random.split(key)
    inputs = jax.random.normal(input_key, (batch_size, weights.shape[1]))
    labels = draw_mmoe_labels(noise_key, inputs, weights, alpha, beta, noise_std)
    names = mmoe_tasks(weights.shape[0])
    return Batch(
        features={"numerical": inputs},
        labels=dict(zip(names, (labels / scale).T, strict=True)),
        where={name: jnp.ones(batch_size, bool) for name in names},
    )


def mmoe_tasks(count: int) -> tuple[str, ...]:
    """The names of that many tasks."""
    return tuple(f"task_{number}" for number in range(1, count + 1))
