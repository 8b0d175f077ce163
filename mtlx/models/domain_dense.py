"""An affine map with weights for each domain."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype

from mtlx.models.experts import KERNEL_INIT
from mtlx.types import Array, Float, Int, PRNGKeyArray


def around_one(key: PRNGKeyArray, shape: tuple[int, ...], dtype=jnp.float32) -> Array:
    """1 + N(0, 0.1^2): factors that begin as the identity, and each domain apart."""
    return 1.0 + 0.1 * jax.random.normal(key, shape, dtype)


class DomainDense(nn.Module, kw_only=True):
    """y = W_d x + b_d, d the domain of the row; as a star, (W * W_d) x + b + b_d.

    Every row goes through the weights of all domains, D times the work of a plain
    layer, and keeps its own: one matrix product, where a gather of weights would hold
    one matrix for every row.

    Args:
        units: width of y.
        num_domains: number D of domains.
        star: whether W_d is the elementwise product of one shared by all domains and
            one of the domain's own, and b_d the sum of two.
        use_bias: whether there is b_d.
        dtype: dtype of the computation; parameters stay float32.

    Returns:
        [B, units] of x [B, D] and domain ids [B].

    Reference:
        Sheng et al., "One Model to Serve All: Star Topology Adaptive Recommender for
        Multi-Domain CTR Prediction", CIKM 2021. The domains'
        factors of a star begin around 1: two factors of a usual size would make the
        product vanish.
    """

    units: int
    num_domains: int
    star: bool = False
    use_bias: bool = True
    dtype: Any = None

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch inputs"], domains: Int[Array, "batch"]
    ) -> Float[Array, "batch units"]:
        shape = (x.shape[-1], self.units)
        init = around_one if self.star else KERNEL_INIT
        kernel = self.param("kernel", init, (self.num_domains, *shape))
        if self.star:
            common = self.param("shared_kernel", nn.initializers.lecun_normal(), shape)
            kernel = kernel * common[None]
        x, kernel = promote_dtype(x, kernel, dtype=self.dtype)
        y = _pick(jnp.einsum("bi,dio->bdo", x, kernel), domains)
        return y + self._bias(domains).astype(y.dtype) if self.use_bias else y

    @nn.nowrap
    def _bias(self, domains: Array) -> Float[Array, "batch units"]:
        zeros = nn.initializers.zeros
        bias = self.param("bias", zeros, (self.num_domains, self.units))
        if self.star:
            bias = bias + self.param("shared_bias", zeros, (self.units,))[None]
        return bias[domains]


def _pick(
    values: Float[Array, "batch domains units"], domains: Int[Array, "batch"]
) -> Float[Array, "batch units"]:
    """Of each row that of its domain."""
    return jnp.take_along_axis(values, domains[:, None, None], axis=1)[:, 0]
