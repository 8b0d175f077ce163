"""Scale-invariant weighting: the sum of the losses' logarithms."""

import jax.numpy as jnp

from mtlx.balancers.base import choose, positive_losses, present_mask, stateless
from mtlx.types import Balancer


def scale_invariant(variant: str = "log") -> Balancer:
    """Minimise sum_i log L_i: w_i = 1 / L_i.

    A task's share of the update does not depend on the unit of its loss: w_i L_i = 1.
    The weights' sum follows the losses.

    Args:
        variant: "log"; or "log1p", sum_i log(1 + L_i), w_i = 1 / (1 + L_i): bounded by
            1, and invariant to scale only where L_i >> 1.

    Raises:
        ValueError: another variant.

    Reference: the baseline "SI" of Navon et al., "Multi-Task Learning as a Bargaining
    Game", ICML 2022; "log1p" is in the public code of Aligned-MTL (Senushkin et al.,
    CVPR 2023). Under "log" a loss below 1e-8, zero and negative ones too, counts as
    1e-8: shift a loss that can be negative. Under "log1p" one below 0 counts as 0.
    """
    choose("scale_invariant", "variant", variant, ("log", "log1p"))

    def weigh(signals, key):
        del key
        if variant == "log":
            inverse = 1.0 / positive_losses(signals)
        else:
            inverse = 1.0 / (1.0 + positive_losses(signals, least=0.0))
        return jnp.where(present_mask(signals), inverse, 0.0)

    return stateless(weigh)
