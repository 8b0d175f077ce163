"""IMTL, impartial losses and gradients at once (Liu et al. 2021)."""

import jax.numpy as jnp

from mtlx.balancers.base import Number, PerTask, require
from mtlx.balancers.imtl_g import imtl_g
from mtlx.balancers.imtl_l import imtl_l
from mtlx.types import Balancer


def imtl(learning_rate: Number = 0.025, initial: PerTask = 0.0) -> Balancer:
    """IMTL-G on the gradients of the losses that IMTL-L has scaled.

    With IMTL-L's scales e^s and the weights v of `imtl_g` for the gradients e^(s_i)
    g_i, w_i = e^(s_i) v_i. The direction has equal projections onto all gradients as
    `imtl_g` alone; the scales set its length, by sum_i w_i e^(-s_i) = 1.

    Args:
        learning_rate: Adam's, for s.
        initial: s at the start, one number or one a task.

    Raises:
        ValueError: `signals.gram` is None or misshapen, or (from `init`) a sequence
            that has not one number a task.

    Reference: "Towards Impartial Multi-task Learning", ICLR 2021. The paper applies
    IMTL-L to the task-specific parameters too; here they get plain gradients, as with
    every balancer.
    """
    losses, gradients = imtl_l(learning_rate, initial), imtl_g()

    def update(signals, state, *, key=None):
        del key
        require("imtl", signals, "gram")
        scales, state = losses.update(signals, state)
        gram = jnp.asarray(signals.gram, jnp.float32) * scales[:, None]
        scaled = signals._replace(gram=gram * scales[None, :])
        return scales * gradients.update(scaled, ())[0], state

    return Balancer(losses.init, update, frozenset({"gram"}))
