"""Sub-network routing: connections that are learnt to be there or not."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype

from mtlx.models.layer import Layer
from mtlx.types import Array, Float

# Each output adds up all inputs; the stack of outputs is a batch axis.
KERNEL_INIT = nn.initializers.lecun_normal(in_axis=(1, 2), out_axis=3, batch_axis=(0,))


class Routing(Layer):
    """v_j = sum_i z_ji W_ji u_i with hard-concrete gates z; or v_j = sum_i z_ji u_i.

        s = sigmoid((logit(u) + log_alpha) / beta)
        z = clip(s (zeta - gamma) + gamma, 0, 1)

    u ~ U(0, 1) is drawn for each connection and step in training; u = 1/2, which gives
    the median of z, otherwise. The penalty sparsity * sum sigmoid(log_alpha - beta
    log(-gamma / zeta)) is the expected number of connections.

    Args:
        num_outputs: number of outputs v_j.
        transform: whether there is a matrix W_ji [D, D] a connection.
        sparsity: coefficient of the penalty.
        beta: temperature.
        gamma, zeta: what s is stretched to, gamma < 0 and zeta > 1, so that z is 0 or 1
            with a probability above zero.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Returns:
        [B, J, D] of u [B, I, D].

    Raises:
        ValueError: not gamma < 0 < 1 < zeta, or beta <= 0.

    Reference:
        Ma et al., "SNR: Sub-Network Routing for Flexible Parameter Sharing in
        Multi-Task Learning", AAAI 2019; Louizos et al., "Learning
        Sparse Neural Networks through L0 Regularization", ICLR 2018, equations 10 to
        12; its gate at test time leaves out beta.
    """

    num_outputs: int
    transform: bool = True
    sparsity: float | Array = 0.0001
    beta: float = 0.5
    gamma: float = -0.1
    zeta: float = 1.1

    def __post_init__(self):
        if not (self.gamma < 0.0 and self.zeta > 1.0 and self.beta > 0.0):
            raise ValueError(
                f"Routing: expected gamma < 0, zeta > 1 and beta > 0, found "
                f"gamma={self.gamma}, zeta={self.zeta} and beta={self.beta}; without "
                f"the stretch no connection is ever shut."
            )
        super().__post_init__()

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch inputs units"], *, train: bool = False
    ) -> Float[Array, "batch outputs units"]:
        inputs, units = x.shape[1:]
        shape = (self.num_outputs, inputs)
        log_alpha = self.param("log_alpha", nn.initializers.normal(0.01), shape)
        shift = self.beta * math.log(-self.gamma / self.zeta)
        open_share = jax.nn.sigmoid(log_alpha - shift)
        self.penalise("connections", self.sparsity * jnp.sum(open_share))
        gates = self._gates(log_alpha, train)
        if not self.transform:
            x, gates = promote_dtype(x, gates, dtype=self.dtype)
            return jnp.einsum("oi,bid->bod", gates, x)
        shape = (self.num_outputs, inputs, units, units)
        kernel = self.param("kernel", KERNEL_INIT, shape, jnp.float32)
        x, kernel = promote_dtype(x, gates[:, :, None, None] * kernel, dtype=self.dtype)
        return jnp.einsum("oide,bid->boe", kernel, x)

    @nn.nowrap
    def _gates(self, log_alpha: Array, train: bool) -> Array:
        """z [J, I]; the logit of a uniform variable is a logistic one."""
        draw = jnp.zeros(())
        if train:
            draw = jax.random.logistic(self.make_rng("dropout"), log_alpha.shape)
        s = jax.nn.sigmoid((draw + log_alpha) / self.beta)
        return jnp.clip(s * (self.zeta - self.gamma) + self.gamma, 0.0, 1.0)
