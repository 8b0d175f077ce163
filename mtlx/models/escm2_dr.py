"""Entire space counterfactual multi-task model, doubly robust."""

from collections.abc import Mapping

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.base import TowerWidths
from mtlx.models.escm2_ipw import ESCM2IPW
from mtlx.models.tower import Tower
from mtlx.types import Array, Float


class ESCM2DR(ESCM2IPW):
    """`ESCM2IPW` with a doubly robust risk of each link k after the first:

        R_k = 1/N sum_i [e_i + w_i (l_i - e_i)] + 1/N sum_i w_i (l_i - e_i)^2,

    w_i = o_i / max(p_i, eps), and e = imputation_k(x) a tower that learns to predict
    the error l where there is no o. The first sum has the mean of l over all rows as
    its expectation if either p or e is right; the second trains e.

    Args:
        imputation_widths: hidden layers of each imputation tower.
        risk_weight, min_propensity: see `ESCM2IPW`.
        chain, rates: see `ESMM`.
        tasks, outputs, encoder, tower_widths, schema: see `MultiTaskModel`.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Raises:
        ValueError: as `ESCM2IPW`.

    Reference:
        Wang et al., "ESCM2: Entire Space Counterfactual Multi-Task Model for Post-Click
        Conversion Rate Estimation", SIGIR 2022. Both sums train z and e together, as
        there; only p is held.
    """

    imputation_widths: tuple[int, ...] = (80, 32)
    tower_widths: TowerWidths = (108, 32)

    @nn.nowrap
    def impute(self, link: str, own: Array, train: bool) -> None:
        tower = Tower(
            outputs=1,
            widths=self.imputation_widths,
            name=f"imputation_{link}",
            **self.settings(),
        )
        # The loss of its link alone trains it, whichever tasks share the link's tower.
        self.hand_over(f"error_{link}", tower(own, train=train))

    @nn.nowrap
    def risk(
        self,
        link: str,
        error: Float[Array, "batch"],
        weight: Float[Array, "batch"],
        handed: Mapping[str, Float[Array, "batch"]],
    ) -> Float[Array, "batch"]:
        imputed = handed[f"error_{link}"]
        gap = error - imputed
        return imputed + weight * gap + weight * jnp.square(gap)

    @nn.nowrap
    def owners(self) -> dict[tuple[str, ...], str]:
        links = self.links()[1:]
        return super().owners() | {(f"imputation_{link}",): link for link in links}
