"""The random process behind the MMoE paper's synthetic tasks, as pure functions."""

import functools

import jax
import jax.numpy as jnp

from mtlx.types import Array, Float, PRNGKeyArray

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
    weights: Float[Array, "2 dim"],
    alpha: Float[Array, "sines"],
    beta: Float[Array, "sines"],
    noise_std: Scalar,
) -> Float[Array, "batch 2"]:
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
