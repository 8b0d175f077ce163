"""A sparse gate: all but k weights are zero."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from mtlx.models.batch_mean import BatchMean
from mtlx.models.gate import Gate
from mtlx.models.mlp import MLP
from mtlx.models.row_noise import RowNoise
from mtlx.types import Array, Float


class TopKGate(Gate):
    """g(x) = softmax over the k largest of H(x), 0 elsewhere.

    H(x) = W MLP(x) + N(0, 1) * softplus(W_n MLP(x)), the noise in training alone. Two
    penalties keep all experts in use, with CV^2 the squared coefficient of variation
    over the experts:

        importance_weight * CV^2(sum_x g(x))
        load_weight * CV^2(sum_x P(expert e is among the k, were its noise redrawn))

    The maps are computed in float32: rounding would choose other experts.

    Args:
        num_experts, widths: see `Gate`.
        top_k: number k of weights that are not zero.
        noisy: whether training adds noise, and penalises the load, which is the number
            of rows of an expert, smooth by that noise.
        importance_weight, load_weight: coefficients; 0 for no penalty.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Returns:
        float32 [B, E] of x [B, D]; rows sum to 1.

    Raises:
        ValueError: not 1 <= top_k < num_experts.

    Reference:
        Shazeer et al., "Outrageously Large Neural Networks: The Sparsely-Gated
        Mixture-of-Experts Layer", ICLR 2017, equations 3 to 11. W and W_n do not start
        at zero, where without noise all experts tie. Every expert is computed for every
        row: what is sparse is what a row reads and trains, not the work.
    """

    top_k: int = 2
    noisy: bool = True
    importance_weight: float | Array = 0.01
    load_weight: float | Array = 0.01

    def __post_init__(self):
        if not 1 <= self.top_k < self.num_experts:
            raise ValueError(
                f"{type(self).__name__}: expected 1 <= top_k < num_experts, found "
                f"top_k={self.top_k} of {self.num_experts}; to mix all experts use "
                f"MMoE."
            )
        super().__post_init__()

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch inputs"], *, train: bool = False
    ) -> Float[Array, "batch experts"]:
        x = MLP(widths=self.widths, name="mlp", **self.settings())(x, train=train)
        x = x.astype(jnp.float32)
        clean = logits = nn.Dense(self.num_experts, use_bias=False, name="output")(x)
        if self.noisy:
            raw = nn.Dense(self.num_experts, use_bias=False, name="noise")(x)
            if train:
                scale = jax.nn.softplus(raw)
                logits = clean + RowNoise(name="draw")(clean) * scale
        largest, chosen = jax.lax.top_k(logits, self.top_k + 1)
        chosen = jax.nn.one_hot(chosen[:, :-1], self.num_experts).sum(axis=1) > 0
        weights = jax.nn.softmax(jnp.where(chosen, logits, -jnp.inf))
        importance = _variation(BatchMean(name="mean_importance")(weights))
        self.penalise("importance", self.importance_weight * importance)
        if self.noisy and train:
            # What an expert has to beat: the k-th largest of the others.
            others = jnp.where(chosen, largest[:, -1:], largest[:, -2:-1])
            chance = jax.scipy.stats.norm.cdf((clean - others) / scale)
            load = _variation(BatchMean(name="mean_load")(chance))
            self.penalise("load", self.load_weight * load)
        return weights


def _variation(values: Float[Array, "experts"]) -> Float[Array, ""]:
    """The squared coefficient of variation."""
    return jnp.var(values) / jnp.square(jnp.mean(values))
