"""One vector of a set, read out by attention in several steps."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from mtlx.types import Array, Bool, Float


class Set2Set(nn.Module):
    """q_t = LSTM(q*_{t-1}), a_ti = softmax_i(x_i . q_t), q*_t = [q_t; sum_i a_ti x_i].

    Args:
        steps: T of them, from q*_0 = 0; the order of the set does not matter.
        dtype: of the computation; parameters stay float32.

    Returns:
        q*_T [B, 2 D] of x [B, N, D] and which of the N there are [B, N].

    Reference:
        Vinyals, Bengio, Kudlur, "Order Matters: Sequence to Sequence for Sets", ICLR
        2016, equations 3 to 7. The LSTM reads q* as its input and keeps a state of
        width D, as in PyTorch Geometric.
    """

    steps: int = 3
    dtype: Any = None

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "batch nodes units"],
        mask: Bool[Array, "batch nodes"],
    ) -> Float[Array, "batch twice"]:
        rows, _, units = x.shape
        cell = nn.LSTMCell(units, dtype=self.dtype, name="lstm")
        x = jnp.where(mask[..., None], x, 0.0)
        carry = (jnp.zeros((rows, units), x.dtype), jnp.zeros((rows, units), x.dtype))
        read = jnp.zeros((rows, 2 * units), x.dtype)
        for _ in range(self.steps):
            carry, query = cell(carry, read)
            scores = jnp.einsum("bnd,bd->bn", x, query)
            scores = jnp.where(mask, scores, jnp.finfo(scores.dtype).min)
            weights = jax.nn.softmax(scores, axis=-1)
            found = jnp.einsum("bn,bnd->bd", weights, x)
            read = jnp.concatenate([query, found], axis=-1)
        return read
