"""A differentiable gate that selects k experts."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from mtlx.models.gate import Gate
from mtlx.models.mlp import MLP
from mtlx.types import Array, Float


class DSelectGate(Gate):
    """q(x) = sum_{j<=k} softmax(a(x))_j r(z_j(x)): k selectors of one expert each.

    An expert e has the binary code B(e) of m = ceil(log2 E) bits, and with the smooth
    step S, which reaches 0 and 1 (`smooth_step`),

        r(z)_e = prod_b S(z_b) if B(e)_b else 1 - S(z_b).

    The penalty entropy_weight * mean_x sum_j (-sum_e r_e log r_e) drives the selectors
    to one expert each; where E is no power of 2, 1 / sum_e r_e is added, which keeps
    them away from codes that no expert has.

    Args:
        num_experts: number E >= 2 of weights.
        num_selected: number k of selectors, and at the most of experts in use.
        gamma: S is strictly between 0 and 1 on (-gamma/2, gamma/2).
        entropy_weight: coefficient of the penalty.
        per_example: whether a and z are linear in MLP(x), or parameters alone.
        widths: hidden layers; () is the paper's linear map.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Returns:
        float32 [B, E] of x [B, D]; rows sum to 1 if E is a power of 2, and to no more
        than 1 otherwise.

    Raises:
        ValueError: fewer than two experts, or no selector.

    Reference:
        Hazimeh et al., "DSelect-k: Differentiable Selection in the Mixture of Experts
        with Applications to Multi-Task Learning", NeurIPS 2021. W_z starts from
        U(-gamma/100, gamma/100), as published.
    """

    num_selected: int = 2
    gamma: float = 1.0
    entropy_weight: float | Array = 0.01
    per_example: bool = True

    def __post_init__(self):
        if self.num_experts < 2 or self.num_selected < 1:
            raise ValueError(
                f"{type(self).__name__}: expected num_experts >= 2 and num_selected >= "
                f"1, found {self.num_experts} and {self.num_selected}; with one expert "
                f"use SharedBottom."
            )
        super().__post_init__()

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch inputs"], *, train: bool = False
    ) -> Float[Array, "batch experts"]:
        x = MLP(widths=self.widths, name="mlp", **self.settings())(x, train=train)
        count, bits = self.num_selected, math.ceil(math.log2(self.num_experts))
        bound = self.gamma / 100

        def symmetric(key, shape, dtype=jnp.float32):
            return jax.random.uniform(key, shape, dtype, -bound, bound)

        z = self._linear("code", x, count * bits, symmetric)
        z = z.reshape(-1, count, bits)
        scores = self._linear("output", x, count, nn.initializers.lecun_normal())
        selectors = single_expert(smooth_step(z, self.gamma), self.num_experts)
        self.penalise("entropy", self.entropy_weight * _spread(selectors))
        return jnp.einsum("bk,bke->be", jax.nn.softmax(scores), selectors)

    @nn.nowrap
    def _linear(self, name: str, x: Array, units: int, init) -> Array:
        """[B, units], linear in x or the same for all rows; float32."""
        if not self.per_example:
            row = self.param(name, init, (1, units), jnp.float32)
            return jnp.broadcast_to(row, (x.shape[0], units))
        dense = nn.Dense(
            units, use_bias=False, dtype=self.dtype, kernel_init=init, name=name
        )
        return dense(x).astype(jnp.float32)


def smooth_step(t: Float[Array, "*shape"], gamma: float) -> Float[Array, "*shape"]:
    """-2/gamma^3 t^3 + 3/(2 gamma) t + 1/2 on [-gamma/2, gamma/2], 0 below, 1 above."""
    t = jnp.clip(t / gamma, -0.5, 0.5)
    return -2.0 * t**3 + 1.5 * t + 0.5


def single_expert(
    steps: Float[Array, "batch selectors bits"], num_experts: int
) -> Float[Array, "batch selectors experts"]:
    """r_e = prod_b steps_b^{B(e)_b} (1 - steps_b)^{1 - B(e)_b}."""
    bits = steps.shape[-1]
    codes = (np.arange(num_experts)[:, None] >> np.arange(bits)) & 1
    steps = steps[:, :, None]
    factors = jnp.where(codes[None, None] == 1, steps, 1.0 - steps)
    return jnp.prod(factors, axis=-1)


def _spread(selectors: Float[Array, "batch selectors experts"]) -> Float[Array, ""]:
    """What the penalty adds up, as a mean over the rows."""
    # A weight of exactly 0 is common here, and the slope of r log r is infinite there.
    some = selectors > 0
    entropy = -jnp.sum(selectors * jnp.log(jnp.where(some, selectors, 1.0)), axis=-1)
    num_experts = selectors.shape[-1]
    if num_experts & (num_experts - 1):
        total = jnp.sum(selectors, axis=-1)
        entropy = entropy + 1.0 / jnp.maximum(total, 1e-3)
    return jnp.mean(jnp.sum(entropy, axis=-1))
