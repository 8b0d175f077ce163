"""The bricks of HoME: gated groups of experts, and a mixture with a self-gate."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from mtlx.models.experts import Experts
from mtlx.models.feature_gate import FeatureGate
from mtlx.models.gate import Gate, mix
from mtlx.models.layer import Layer
from mtlx.types import Array, Float


class GatedExperts(Layer):
    """E(FeatureGate(x)): a group of experts behind a feature gate of its own.

    Args:
        num_experts, width: number and units of the experts, of one layer each.
        num_factors, rank: see `FeatureGate`.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Returns:
        [B, E, units] of x [B, D].
    """

    num_experts: int
    width: int
    num_factors: int = 2
    rank: int = 16

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch inputs"], *, train: bool = False
    ) -> Float[Array, "batch experts units"]:
        settings = self.settings()
        gate = FeatureGate(
            num_factors=self.num_factors,
            rank=self.rank,
            name="feature_gate",
            **settings,
        )
        experts = Experts(
            num_experts=self.num_experts,
            widths=(self.width,),
            name="experts",
            **settings,
        )
        return experts(gate(x), train=train)


class SelfGatedMix(Layer):
    """gate(x) [all experts] + self(x) [own experts].

    self is a softmax over the own experts, or a sigmoid if there is but one, whose
    softmax would be 1 whatever x.

    Args:
        activation, norm, dropout_rate, dtype: see `Layer`.

    Returns:
        [B, units] of x [B, D], all experts [B, E, units] and own ones [B, N, units].

    Reference:
        Wang et al., "HoME: Hierarchy of Multi-Gate Experts for Multi-Task Learning at
        Kuaishou", KDD 2025 (the self-gate).
    """

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "batch inputs"],
        experts: Float[Array, "batch experts units"],
        own: Float[Array, "batch own units"],
        *,
        train: bool = False,
    ) -> Float[Array, "batch units"]:
        settings = self.settings()
        gate = Gate(num_experts=experts.shape[1], name="gate", **settings)
        mixed = mix(gate(x, train=train), experts)
        if own.shape[1] > 1:
            weigh = Gate(num_experts=own.shape[1], name="self_gate", **settings)
            return mixed + mix(weigh(x, train=train), own)
        dense = nn.Dense(1, use_bias=False, dtype=self.dtype, name="self_gate")
        return mixed + mix(jax.nn.sigmoid(dense(x).astype(jnp.float32)), own)
