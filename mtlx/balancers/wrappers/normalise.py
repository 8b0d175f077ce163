"""Weights of one scale, whatever balancer they come from."""

import jax.numpy as jnp

from mtlx.balancers.base import choose, masked_gram, present_mask, require
from mtlx.balancers.wrappers.inner import direction_norm, rescaled
from mtlx.types import Array, Balancer, Signals

KINDS = ("sum_to_tasks", "sum_to_one", "unit_norm", "equal_norm")
RESOLUTION = 1e-3  # of |J^T w| / sum_i |w_i| |g_i|: a float32 Gram has squares to 1e-7


def normalise(inner: Balancer, kind: str = "sum_to_tasks") -> Balancer:
    """s v, the inner balancer's weights v times the positive number s of a `kind`.

    Balancers differ in the sum of their weights (see `balancers.base`); under SGD that
    is a difference in learning rate, which this removes from a comparison.

    Args:
        inner: the balancer.
        kind: "sum_to_tasks": sum_i |w_i| is the number of tasks present, as for
            `equal`; "sum_to_one": it is 1; "unit_norm": |J^T w| = 1; "equal_norm":
            |J^T w| = |J^T 1|, the length that the plain sum of the losses gives.

    The last two measure the Gram matrix. Near a Pareto-stationary point they keep the
    step long where the method would let it vanish; below 1e-3 sum_i |v_i| |g_i|, which
    a float32 Gram can hardly tell from 0, |J^T v| counts as that. Weights of 0 stay 0.

    Raises:
        ValueError: an unknown `kind`; the inner balancer returns a `Direction`;
            `signals.gram` is None or misshapen where it is needed.
    """
    choose("normalise", "kind", kind, KINDS)
    by_norm = kind.endswith("norm")

    def change(signals, weights):
        if by_norm:
            require("normalise", signals, "gram")
        factor = _target(kind, signals) / _size(signals, weights, by_norm)
        return weights * factor

    return rescaled("normalise", inner, change, frozenset({"gram"} if by_norm else ()))


def _target(kind: str, signals: Signals) -> Array:
    present = present_mask(signals).astype(jnp.float32)
    if kind == "sum_to_tasks":
        return jnp.sum(present)
    if kind == "equal_norm":
        return direction_norm(signals, present)
    return jnp.ones((), jnp.float32)


def _size(signals: Signals, weights: Array, by_norm: bool) -> Array:
    """What is scaled to the target; 1 where it is 0."""
    size = jnp.sum(jnp.abs(weights))
    if by_norm:
        norms = jnp.sqrt(jnp.maximum(jnp.diagonal(masked_gram(signals)), 0.0))
        floor = RESOLUTION * jnp.sum(jnp.abs(weights) * norms)
        size = jnp.maximum(direction_norm(signals, weights), floor)
    return jnp.where(size > 0, size, 1.0)
