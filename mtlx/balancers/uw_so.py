"""UW-SO, soft optimal uncertainty weighting (Kirchdorfer et al. 2024)."""

import jax.numpy as jnp

from mtlx.balancers.base import (
    Number,
    masked_softmax,
    positive_losses,
    present_mask,
    stateless,
)
from mtlx.types import Balancer


def uw_so(temperature: Number = 1.0) -> Balancer:
    """Uncertainty weighting at its optimum, softened: w = softmax(1 / (L temperature)).

    The optimal noise of `uncertainty` is proportional to the loss, so its weights tend
    to 1 / L_i; here that optimum is taken at every step, without anything learned, and
    normalised by a softmax. The weights sum to 1. Scaling all losses by c acts like a
    temperature c times higher: it has the unit of 1 / L and needs tuning.

    Args:
        temperature: > 0; to infinity the weights even out, to 0 the task of the least
            loss gets all.

    Reference: "Analytical Uncertainty-Based Loss Weighting in Multi-Task Learning",
    2024, arXiv:2408.07985. A loss below 1e-8, zero and negative ones too, counts as
    1e-8.
    """

    def weigh(signals, key):
        del key
        present = present_mask(signals)
        logits = 1.0 / positive_losses(signals) / temperature
        return masked_softmax(logits, present).astype(jnp.float32)

    return stateless(weigh)
