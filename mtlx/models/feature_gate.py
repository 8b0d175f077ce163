"""A gate on the entries of an input, from low-rank factors."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype

from mtlx.models.layer import Layer
from mtlx.types import Array, Float

INIT = nn.initializers.lecun_normal(batch_axis=(0,))


class FeatureGate(Layer):
    """x * sum_r softmax(G x)_r [2 sigmoid(A_r B_r x)], B_r [D, rank], A_r [rank, D].

    Where the factors are zero the gate is 1: it can strengthen an entry, up to twofold,
    as well as silence it.

    Args:
        num_factors: number of pairs A_r, B_r that are mixed.
        rank: of each pair.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Returns:
        [B, D] of x [B, D].

    Reference:
        Wang et al., "HoME: Hierarchy of Multi-Gate Experts for Multi-Task Learning at
        Kuaishou", KDD 2025 (the feature gate).
    """

    num_factors: int = 2
    rank: int = 16

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch inputs"], *, train: bool = False
    ) -> Float[Array, "batch inputs"]:
        del train
        count, size = self.num_factors, x.shape[-1]
        down = self.param("down", INIT, (count, size, self.rank), jnp.float32)
        up = self.param("up", INIT, (count, self.rank, size), jnp.float32)
        dense = nn.Dense(count, use_bias=False, dtype=self.dtype, name="mixer")
        shares = jax.nn.softmax(dense(x).astype(jnp.float32))
        x, down, up = promote_dtype(x, down, up, dtype=self.dtype)
        logits = jnp.einsum("bi,rij,rjo->bro", x, down, up, optimize="optimal")
        gates = 2.0 * jax.nn.sigmoid(logits)
        return x * jnp.einsum("br,bro->bo", shares.astype(x.dtype), gates)
