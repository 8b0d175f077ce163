"""GradVac, gradient vaccine (Wang et al. 2021)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtlx.balancers.base import Number, choose, masked_gram, present_mask, require
from mtlx.balancers.orders import random_orders
from mtlx.types import Array, Balancer

FLAT = 1e-6  # of 1 - h^2, below which h is +-1 to rounding


class GradVacState(NamedTuple):
    """Running means of the cosines between tasks."""

    targets: Array  # [T, T] h_ij


def gradvac(beta: Number = 0.5, ema: str = "always") -> Balancer:
    """Turn gradients that are less alike than they used to be until they are.

    For each task i, from c = e_i, and for each j != i in random order: with the cosine
    phi = (G c)_j / (|J^T c| |g_j|) and its running mean h_ij, where phi < h_ij, c_j +=
    |J^T c| (h sqrt(1 - phi^2) - phi sqrt(1 - h^2)) / (|g_j| sqrt(1 - h^2)): after it
    the cosine is h. Then h_ij <- (1 - beta) h_ij + beta phi, from h = 0. The weights
    are w = sum_i c^(i), w >= 1. At h = 0, in the first step of two tasks, this is
    `pcgrad`.

    Args:
        beta: step of the running means.
        ema: "always" moves h_ij every time, "fired" only where phi < h_ij.

    Raises:
        ValueError: an unknown option; no `signals.gram`; no key.

    Reference: "Gradient Vaccine: Investigating and Improving Multi-task Optimization in
    Massively Multilingual Models", ICLR 2021, the algorithm with its adaptive
    objectives, on coefficients of the gradients. Well-known codes use beta = 0.5 and
    move h always, or only where it acts. Pairs with an absent task, a zero gradient or
    a c that has cancelled are left out, their h too; so is the turn, where |h| is 1 to
    rounding: no multiple of g_j reaches its own direction.
    """
    choose("gradvac", "ema", ema, ("always", "fired"))

    def init(num_tasks):
        return GradVacState(jnp.zeros((num_tasks, num_tasks), jnp.float32))

    def update(signals, state, *, key=None):
        require("gradvac", signals, "gram", key=key)
        present, gram = present_mask(signals), masked_gram(signals)
        orders = random_orders(key, present)
        rows, targets = _vaccinate(gram, orders, state.targets, beta, ema == "fired")
        weights = jnp.sum(jnp.where(present[:, None], rows, 0.0), axis=0)
        return weights, GradVacState(targets)

    return Balancer(init, update, frozenset({"gram", "key"}))


def _vaccinate(gram: Array, orders: Array, targets: Array, beta: Number, fired: bool):
    """[T, T] coefficients, row i those of c^(i), and the new h."""
    tasks = jnp.arange(gram.shape[0])
    norms = jnp.sqrt(jnp.maximum(jnp.diagonal(gram), 0.0))

    def turn(carry, j):
        coefficients, targets = carry
        images = jnp.matmul(coefficients, gram, precision=jax.lax.Precision.HIGHEST)
        squared = jnp.sum(coefficients * images, axis=1)
        scale = (
            jnp.sqrt(jnp.maximum(squared, 0.0)) / jnp.where(norms > 0, norms, 1.0)[j]
        )
        size = jnp.sqrt(jnp.maximum(squared, 0.0)) * norms[j]
        known = (size > 0) & (j != tasks)
        inner = images[tasks, j] / jnp.where(known, size, 1.0)
        cosine, target = jnp.clip(inner, -1.0, 1.0), targets[tasks, j]
        below = known & (cosine < target)
        room = 1.0 - target**2
        steep = jnp.sqrt(jnp.where(room > FLAT, room, 1.0))
        shift = scale * (target * jnp.sqrt(1.0 - cosine**2) / steep - cosine)
        shift = jnp.where(below & (room > FLAT), shift, 0.0)
        moved = (1.0 - beta) * target + beta * cosine
        target = jnp.where(below if fired else known, moved, target)
        return (
            coefficients.at[tasks, j].add(shift),
            targets.at[tasks, j].set(target),
        ), None

    start = jnp.eye(tasks.size, dtype=jnp.float32)
    return jax.lax.scan(turn, (start, targets), orders.T)[0]
