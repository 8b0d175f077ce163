"""Explicit products of features, of bounded degree."""

from typing import Any

import flax.linen as nn

from mtlx.types import Array, Float


class CrossNetwork(nn.Module):
    """x_{l+1} = x_0 * (W_l x_l + b_l) + x_l for l = 0 .. L - 1, * by elements.

    x_L has all products of the inputs up to degree L + 1.

    Args:
        num_layers: L.
        rank: of W_l = U_l V_l^T with U_l and V_l [D, rank]; None: W_l [D, D].
        dtype: of the computation; parameters stay float32.

    Returns:
        x_L [B, D] of x_0 [B, D].

    Reference: Wang et al., "DCN V2", WWW 2021, equations 1 and 2.
    """

    num_layers: int
    rank: int | None = None
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Float[Array, "batch width"]) -> Float[Array, "batch width"]:
        first, width = x, x.shape[1]
        for layer in range(self.num_layers):
            z = x
            if self.rank is not None:
                z = nn.Dense(
                    self.rank, use_bias=False, dtype=self.dtype, name=f"down_{layer}"
                )(z)
            z = nn.Dense(width, dtype=self.dtype, name=f"layer_{layer}")(z)
            x = first * z + x
        return x
