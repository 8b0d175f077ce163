"""GradNorm (Chen et al. 2018)."""

from typing import Any, NamedTuple

import jax.numpy as jnp

from mtlx.balancers.base import (
    Number,
    PerTask,
    masked_gram,
    per_task,
    present_mask,
    require,
)
from mtlx.balancers.masked_adam import masked_adam
from mtlx.types import Array, Balancer

SMALLEST = 1e-3  # of a weight: one that has crossed 0 would push its task uphill


class GradNormState(NamedTuple):
    """Weights, their optimiser, and the losses that training rates are relative to."""

    weights: Array  # [T]
    adam: Any
    initial_losses: Array  # [T] L(0)
    started: Array  # [T] bool, L(0) is known


def gradnorm(
    alpha: Number = 1.5,
    learning_rate: Number = 0.025,
    initial_losses: PerTask | None = None,
) -> Balancer:
    """Weights that even out gradient norms, more for tasks that train slowly.

    Minimises sum_i |w_i n_i - stopgrad(mean_j(w_j n_j) r_i^alpha)| over w by one Adam
    step a call, with n_i = |g_i| = sqrt(G_ii) and the relative inverse training rate
    r_i = (L_i / L_i(0)) / mean_j(L_j / L_j(0)); then w is clipped from below at 1e-3
    and rescaled to its old sum, T. Returned are the weights before the update.

    Args:
        alpha: strength of the pull towards a common training rate; 0 evens out the
            norms alone.
        learning_rate: Adam's, for w.
        initial_losses: L(0), one number or one a task, e.g. log C for a classification
            into C classes, as the paper advises where the first loss depends on the
            initial values. None takes each task's loss at the first call that holds it,
            the paper's standard choice.

    Raises:
        ValueError: `signals.gram` is None or misshapen, or (from `init`)
            `initial_losses` has not one number a task.

    Reference: "GradNorm: Gradient Normalization for Adaptive Loss Balancing", ICML
    2018, eqs. 1-2 and Algorithm 1. There n_i is taken on the last shared layer only, to
    save time; here on whatever parameters the Gram matrix was measured over, by default
    all that are shared. The clipping is ours: the paper does not say what becomes of a
    negative weight. Losses are taken as non-negative (one below 0 counts as 0); a task
    whose L(0) is 0 counts as L_i / L_i(0) = 1. Absent tasks keep their weight, and the
    others share what is left of the sum.
    """
    adam = masked_adam(learning_rate)

    def init(num_tasks):
        known = initial_losses is not None
        weights = jnp.ones(num_tasks, jnp.float32)
        return GradNormState(
            weights=weights,
            adam=adam.init(weights),
            initial_losses=per_task(
                "initial_losses", initial_losses if known else 0.0, num_tasks
            ),
            started=jnp.full(num_tasks, known),
        )

    def update(signals, state, *, key=None):
        del key
        require("gradnorm", signals, "gram")
        present = present_mask(signals)
        losses = jnp.maximum(jnp.asarray(signals.losses, jnp.float32), 0.0)
        known = state.started | ~present
        reference = jnp.where(known, state.initial_losses, losses)
        norms = jnp.sqrt(jnp.maximum(jnp.diagonal(masked_gram(signals)), 0.0))
        rates = _training_rates(losses, reference, present)
        gradient = _gradient(state.weights, norms, rates**alpha, present)
        new, adam_state = adam.update(gradient, state.adam, state.weights, present)
        new = _rescale(jnp.maximum(new, SMALLEST), state.weights, present)
        weights = jnp.where(present, state.weights, 0.0)
        started = state.started | present
        return weights, GradNormState(new, adam_state, reference, started)

    return Balancer(init, update, frozenset({"gram"}))


def _mean(values: Array, present: Array) -> Array:
    total = jnp.sum(jnp.where(present, values, 0.0))
    return total / jnp.maximum(jnp.sum(present), 1)


def _training_rates(losses: Array, reference: Array, present: Array) -> Array:
    """r_i = (L_i / L_i(0)) / mean_j (L_j / L_j(0)); 1 where all losses are 0."""
    progress = jnp.where(
        reference > 0, losses / jnp.where(reference > 0, reference, 1.0), 1.0
    )
    mean = _mean(progress, present)
    return jnp.where(mean > 0, progress / jnp.where(mean > 0, mean, 1.0), 1.0)


def _gradient(weights: Array, norms: Array, pull: Array, present: Array) -> Array:
    """n_i sign(w_i n_i - mean_j(w_j n_j) r_i^alpha), `pull` being r^alpha."""
    scaled = weights * norms
    return norms * jnp.sign(scaled - _mean(scaled, present) * pull)


def _rescale(new: Array, old: Array, present: Array) -> Array:
    """`new` for the tasks present, scaled to the sum that their weights had."""
    factor = _mean(old, present) / jnp.maximum(_mean(new, present), SMALLEST)
    return jnp.where(present, new * factor, old)
