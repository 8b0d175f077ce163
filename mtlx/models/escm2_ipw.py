"""Entire space counterfactual multi-task model, by inverse propensity."""

from collections.abc import Mapping

import flax.linen as nn
import jax
import jax.numpy as jnp

from mtlx.losses import binary_cross_entropy
from mtlx.models.esmm import ESMM
from mtlx.types import Array, Bool, Float


class ESCM2IPW(ESMM):
    """`ESMM`, and for each link k after the first, added to its loss, a risk of z_k:

        R_k = 1/N sum_i o_i l(r_i, s(z_k,i)) / max(p_i, eps).

    o is the label of the link before, r that of link k, l the cross-entropy, and p the
    model's own probability of o, through a stop-gradient: the propensity weighs the
    rows, and is not trained to make the risk small. In expectation R_k is the mean of
    l over ALL N rows, those without o included.

    Args:
        risk_weight: of R_k beside the loss of link k over the entire space.
        min_propensity: eps; 1 / eps is the largest weight of a row.
        chain, rates: see `ESMM`.
        tasks, outputs, encoder, tower_widths, schema: see `MultiTaskModel`.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Raises:
        ValueError: as `ESMM`; min_propensity outside (0, 1].

    Reference:
        Wang et al., "ESCM2: Entire Space Counterfactual Multi-Task Model for Post-Click
        Conversion Rate Estimation", SIGIR 2022. Its weights lambda_c and lambda_g are
        risk_weight w and w, with w the balancer's weight of link k.
    """

    risk_weight: float | Array = 1.0
    min_propensity: float | Array = 0.01

    def __post_init__(self):
        super().__post_init__()
        floor = self.min_propensity
        if isinstance(floor, int | float) and not 0.0 < floor <= 1.0:
            raise ValueError(
                f"{type(self).__name__}: expected min_propensity in (0, 1], found "
                f"{self.min_propensity}; its inverse is the largest weight of a row."
            )

    @nn.compact
    def __call__(
        self, features: Mapping[str, Array], *, train: bool = False
    ) -> dict[str, Float[Array, "batch ..."]]:
        x = self.encode(features, train)
        own = self.probe("input", x)
        steps = self.steps(x, own, train)
        for link in self.links()[1:]:
            self.hand_over(f"step_{link}", steps[link])
            self.impute(link, own, train)
        return self.entire_space(steps)

    @nn.nowrap
    def impute(self, link: str, own: Array, train: bool) -> None:
        """Hands over what the risk of `link` needs beside z: nothing here."""

    @nn.nowrap
    def auxiliary_losses(
        self,
        outputs: Mapping[str, Float[Array, "batch ..."]],
        handed: Mapping[str, Float[Array, "batch"]],
        labels: Mapping[str, Array],
        where: Mapping[str, Bool[Array, "batch"]],
    ) -> dict[str, tuple[Float[Array, "batch"], Bool[Array, "batch"]]]:
        links, losses = self.links(), {}
        for before, link in zip(links, links[1:], strict=False):
            observed = labels[before].astype(jnp.float32)
            # A row without o tells nothing of l, so it needs no label of link k.
            counts = where[before] & (where[link] | (observed == 0))
            propensity = jax.lax.stop_gradient(nn.sigmoid(outputs[before]))
            weight = observed / jnp.maximum(propensity, self.min_propensity)
            label = labels[link].astype(jnp.float32)
            error = binary_cross_entropy(handed[f"step_{link}"], label)
            risk = self.risk(link, error, weight, handed)
            losses[link] = (self.risk_weight * risk, counts)
        return losses

    @nn.nowrap
    def risk(
        self,
        link: str,
        error: Float[Array, "batch"],
        weight: Float[Array, "batch"],
        handed: Mapping[str, Float[Array, "batch"]],
    ) -> Float[Array, "batch"]:
        """Each row's part of N R_k, of l and o / max(p, eps)."""
        return weight * error
