"""MoDo, multi-objective gradient with double sampling (Chen et al. 2023)."""

import jax
import jax.numpy as jnp

from mtlx.balancers.base import Number, choose, present_mask
from mtlx.balancers.simplex import (
    PROJECTIONS,
    masked_cross_gram,
    onto_simplex,
    step_on_simplex,
)
from mtlx.types import Balancer


def modo(
    gamma: Number = 1e-3, rho: Number = 0.1, projection: str = "simplex"
) -> Balancer:
    """One step of MGDA's descent a batch, unbiased by two independent samples.

    lambda = Proj(lambda - gamma (A + rho I) lambda) with A = J_1 J_2^T of two
    independent batches, so that E A is the Gram matrix of the expected gradients; a
    single batch would add the noise's covariance. The weights are lambda, applied to
    the gradients of a third batch; they sum to 1. gamma = 0 is the mean gradient.

    Args:
        gamma: step size.
        rho: l2 regularisation of lambda, which pulls it to the middle.
        projection: "simplex", the Euclidean projection of the paper and LibMTL;
            "softmax" of the same values, as in TorchJD.

    Raises:
        ValueError: an unknown projection; `signals.cross_gram` is None or misshapen.

    Reference: "Three-Way Trade-Off in Multi-Objective Learning: Optimization,
    Generalization and Conflict-Avoidance", NeurIPS 2023 and JMLR 2024. Absent tasks
    keep their part of lambda, and the others share what is left.
    """
    choose("modo", "projection", projection, PROJECTIONS)

    def init(num_tasks):
        return jnp.full(num_tasks, 1.0 / num_tasks, jnp.float32)

    def update(signals, state, *, key=None):
        del key
        cross, present = masked_cross_gram("modo", signals), present_mask(signals)

        def descend(weights):
            image = jnp.matmul(cross, weights, precision=jax.lax.Precision.HIGHEST)
            moved = weights - gamma * (image + rho * weights)
            return onto_simplex(moved, present, projection)

        return step_on_simplex(state, present, descend)

    return Balancer(init, update, frozenset({"cross_gram"}))
