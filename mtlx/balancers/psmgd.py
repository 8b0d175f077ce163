"""PSMGD, MGDA with periodic weights (Xu et al. 2025)."""

from mtlx.balancers.base import Number
from mtlx.balancers.mgda import mgda
from mtlx.balancers.wrappers import ema, every
from mtlx.types import Balancer


def psmgd(
    period: Number = 8, decay: Number = 0.0, normaliser: str = "none"
) -> Balancer:
    """MGDA's weights, solved for in one step of `period` and reused in the others.

    w_k = decay w_{k-1} + (1 - decay) mgda(G_k) in the first step of each period, w_k =
    w_{k-1} in the others. The weights sum to 1 with no normaliser. The same as
    `every(ema(mgda(normaliser), decay), period)`.

    Args:
        period: steps that the weights serve; 1 with `decay` 0 is MGDA.
        decay: of a moving average over the periods; 0 has none.
        normaliser: MGDA's, by default none.

    Raises:
        ValueError: an unknown normaliser; `signals.gram` is None or misshapen.

    Reference: "PSMGD: Periodic Stochastic Multi-Gradient Descent for Fast Multi-
    Objective Optimization", AAAI 2025. In the authors' code the period is 8, an average
    with 0.9 enters only the weights that are logged, which is why 0 is the default
    here, and the weights are multiplied by T: `normalise` does that. Departure: there
    the other steps compute one gradient only; here the training step measures the
    Gram matrix all the same, as its program is fixed.
    """
    return every(ema(mgda(normaliser), decay), period)
