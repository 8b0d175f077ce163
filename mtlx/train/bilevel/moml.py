"""MOML, multi-objective meta learning of the weights (Ye et al. 2021)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtlx.balancers.base import Number, present_mask
from mtlx.balancers.masked_adam import masked_adam
from mtlx.balancers.mgda import mgda
from mtlx.balancers.simplex import onto_simplex
from mtlx.train.bilevel.lookahead import Lookahead, descend, required
from mtlx.types import Array, Balancer, Float, PyTree, Signals


class MOMLState(NamedTuple):
    """The weights' logits, and Adam's moments of them."""

    logits: Array  # [T]
    adam: PyTree


def moml(
    learning_rate: Number = 1e-3,
    inner_lr: Number = 0.1,
    inner_steps: int = 1,
    normaliser: str = "l2",
) -> Balancer:
    """Descends all held-out losses after the inner steps at once, in the weights.

    w = softmax(s). theta'(s) is theta after `inner_steps` steps of gradient descent on
    sum_i w_i L_i on the first half of the batch; H_ij = d L_i(theta'(s)) / d s_j on the
    second half, Hessians included; s moves by Adam along H^T v, v the weights of MGDA
    for the rows of H. The weights returned are those of the moved s; they sum to 1.

    Args:
        learning_rate: of Adam on s.
        inner_lr: of the inner steps.
        inner_steps: 1 needs no Hessian, each further one Hessian-vector products.
        normaliser: of MGDA; see `mtlx.balancers.mgda`.

    Raises:
        ValueError: an unknown normaliser, or no inner step; `signals.lookahead` is
            None.

    Reference: "Multi-Objective Meta Learning", NeurIPS 2021, Algorithm 1 for multi-task
    learning; softmax, Adam and a training step on all rows are the authors' code. It
    applies v of the normalised rows to the raw ones, where here the direction is the
    min-norm point of what MGDA was given. Own parameters get their plain gradients, in
    theta' too. An absent task keeps its s, and the softmax is over those present.
    """
    if inner_steps < 1:
        raise ValueError(f"Expected inner_steps >= 1, found {inner_steps}.")
    adam, solver = masked_adam(learning_rate), mgda(normaliser)

    def init(num_tasks):
        logits = jnp.zeros(num_tasks, jnp.float32)
        return MOMLState(logits, adam.init(logits))

    def update(signals, state, *, key=None):
        del key
        ahead = required("moml", signals)
        losses, rows = hyper_gradients(ahead, state.logits, inner_lr, inner_steps)
        gram = jnp.matmul(rows, rows.T, precision=jax.lax.Precision.HIGHEST)
        found = Signals(losses, gram, present=ahead.outer_present)
        weights, _ = solver.update(found, solver.init(losses.size))
        moved = MOMLState(
            *adam.update(weights @ rows, state.adam, state.logits, ahead.inner_present)
        )
        return onto_simplex(moved.logits, present_mask(signals), "softmax"), moved

    return Balancer(init, update, frozenset({"lookahead"}))


def hyper_gradients(
    ahead: Lookahead, logits: Float[Array, "tasks"], inner_lr: Number, inner_steps: int
) -> tuple[Float[Array, "tasks"], Float[Array, "tasks tasks"]]:
    """Held-out losses after the inner steps, and H: their Jacobian in the logits."""

    def losses(logits):
        weights = onto_simplex(logits, ahead.inner_present, "softmax")
        after = ahead.outer(*descend(ahead, weights, inner_lr, inner_steps))
        return after, after

    rows, after = jax.jacrev(losses, has_aux=True)(logits)
    return after, rows
