"""LDC-MTL, loss discrepancy control (2025)."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from mtlx.balancers.base import Number, choose, positive_losses, present_mask
from mtlx.balancers.masked_adam import masked_adam
from mtlx.types import Array, Balancer

RESOLUTION = 1e-6  # of two weighted losses: what is nearer is alike, not ordered


class LDCMTLState(NamedTuple):
    """Router parameters, their optimiser, and the losses that progress starts from."""

    logits: Array  # [T] W
    adam: Any
    initial_losses: Array  # [T]
    started: Array  # [T] bool, the initial loss is known


def ldc_mtl(
    penalty: Number = 0.1, normalise: str = "none", learning_rate: Number = 1e-3
) -> Balancer:
    """Learned weights that keep neighbouring weighted losses close.

    With a = sigmoid(W) and normalised losses Lt, the model and W go down

        sum_i a_i Lt_i / stopgrad(sum_i a_i)
            + penalty sum_i |a_i Lt_i - a_{i+1} Lt_{i+1}|

    together: w_i = dtotal / dL_i at the present a, and then W takes one Adam step. The
    sum runs over neighbours in the list of tasks, so their order matters. w_i is a_i
    (1 / sum_j a_j + penalty s_i) dLt_i / dL_i, s_i in {-2, ..., 2} being the number of
    neighbours with a smaller weighted loss less those with a larger one: negative for a
    task that is ahead of both where penalty > 1 / (2 sum_j a_j). For T = 1, w = 1.

    Args:
        penalty: of the discrepancy, >= 0. The authors use 0.1 (Cityscapes), 0.05
            (NYUv2, QM9) and 0.01 (CelebA, 40 tasks).
        normalise: Lt_i: "none" L_i; "initial" L_i min_j L_j(0) / L_i(0); "log_initial"
            log(L_i / L_i(0)), negative after progress.
        learning_rate: Adam's, for W.

    Raises:
        ValueError: another `normalise`.

    Reference: "LDC-MTL: Balancing Multi-Task Learning through Scalable Loss Discrepancy
    Control", 2025, arXiv:2502.08585, whose bilevel problem is solved by the penalised
    single loop above; this is the code of its authors, as for CelebA and QM9 (that for
    NYUv2 does not stop the gradient, and takes W from a layer on the features). They
    train W with the model's optimiser, here it has its own, and start it at 1. L(0) is
    each task's first loss, where the QM9 code resets it in every epoch. Except for
    "none", a loss below 1e-8 counts as 1e-8. Neighbours are those among the tasks
    present; two alike to 1e-6 do not push each other, as all are at "initial"'s start.
    """
    choose("ldc_mtl", "normalise", normalise, ("none", "initial", "log_initial"))
    adam = masked_adam(learning_rate)

    def init(num_tasks):
        ones = jnp.ones(num_tasks, jnp.float32)
        never = jnp.zeros(num_tasks, bool)
        return LDCMTLState(ones, adam.init(ones), ones, never)

    def update(signals, state, *, key=None):
        del key
        present, losses = present_mask(signals), positive_losses(signals)
        raw = jnp.where(present, jnp.asarray(signals.losses, jnp.float32), 0.0)
        known = state.started | ~present
        initial = jnp.where(known, state.initial_losses, losses)
        if normalise == "none":
            value, slope = raw, jnp.ones_like(raw)
        elif normalise == "initial":
            least = jnp.min(jnp.where(present, initial, jnp.inf))
            slope = jnp.where(jnp.isfinite(least), least, 1.0) / initial
            value = slope * losses
        else:
            value, slope = jnp.log(losses) - jnp.log(initial), 1.0 / losses
        gate = jax.nn.sigmoid(state.logits)
        pull = _pull(gate, value, penalty, present)
        gradient = pull * value * gate * (1.0 - gate)
        logits, moments = adam.update(gradient, state.adam, state.logits, present)
        weights = jnp.where(present, pull * gate * slope, 0.0).astype(jnp.float32)
        started = state.started | present
        return weights, LDCMTLState(logits, moments, initial, started)

    return Balancer(init, update)


def _pull(gate: Array, value: Array, penalty: Number, present: Array) -> Array:
    """dtotal / d(a_i Lt_i) [T]."""
    mass = jnp.sum(jnp.where(present, gate, 0.0))
    order = jnp.argsort(~present, stable=True)  # the present ones, as they are listed
    weighted, there = (gate * value)[order], present[order]
    gap = weighted[:-1] - weighted[1:]
    size = jnp.abs(weighted[:-1]) + jnp.abs(weighted[1:])
    apart = there[1:] & (jnp.abs(gap) > RESOLUTION * size)
    ahead = jnp.where(apart, jnp.sign(gap), 0.0)
    neighbours = jnp.pad(ahead, (0, 1)) - jnp.pad(ahead, (1, 0))
    return (
        1.0 / jnp.where(mass > 0, mass, 1.0) + penalty * neighbours[jnp.argsort(order)]
    )
