"""Batch normalisation with statistics for each domain."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from mtlx.models.domain_dense import around_one
from mtlx.models.layer import BATCH_NORM_MOMENTUM
from mtlx.types import Array, Float, Int

EPSILON = 1e-5


class PartitionedNorm(nn.Module, kw_only=True):
    """(g g_d) (z - mean_d) / sqrt(var_d + e) + b + b_d, d the domain of the row.

    Domains differ in their distributions, and batch normalisation over a mixture of
    them takes that difference out of every row and puts in that of the batch. Here
    mean, variance and their running averages are each domain's own, and so are a factor
    g_d and a bias b_d beside the shared g and b.

    Args:
        num_domains: number D of domains.
        axis_name: of a device axis whose rows are one batch, as in `flax.linen`.

    Returns:
        [B, units] of z [B, units] and domain ids [B]; in training by the statistics of
        the batch, otherwise by the running ones, in "batch_stats".

    Reference:
        Sheng et al., "One Model to Serve All: Star Topology Adaptive Recommender for
        Multi-Domain CTR Prediction", CIKM 2021. There a batch holds rows of
        one domain; here the rows of each domain in a mixed batch are its batch, and a
        domain without rows keeps its running averages.
    """

    num_domains: int
    axis_name: str | None = None

    @nn.compact
    def __call__(
        self,
        z: Float[Array, "batch units"],
        domains: Int[Array, "batch"],
        *,
        train: bool = False,
    ) -> Float[Array, "batch units"]:
        shape = (self.num_domains, z.shape[-1])
        ones, zeros = nn.initializers.ones, nn.initializers.zeros
        means = self.variable("batch_stats", "mean", jnp.zeros, shape)
        variances = self.variable("batch_stats", "var", jnp.ones, shape)
        mean, variance = means.value, variances.value
        if train:
            mean, variance, counts = self._statistics(z, domains)
            if not self.is_initializing():
                rate = jnp.where(counts > 0, 1.0 - BATCH_NORM_MOMENTUM, 0.0)
                means.value += rate * (mean - means.value)
                variances.value += rate * (variance - variances.value)
        scale = self.param("shared_scale", ones, shape[1:])[None]
        scale = scale * self.param("scale", around_one, shape)
        bias = self.param("shared_bias", zeros, shape[1:])[None]
        bias = bias + self.param("bias", zeros, shape)
        centred = z.astype(jnp.float32) - mean[domains]
        normed = centred / jnp.sqrt(variance[domains] + EPSILON)
        return (scale[domains] * normed + bias[domains]).astype(z.dtype)

    @nn.nowrap
    def _statistics(
        self, z: Float[Array, "batch units"], domains: Int[Array, "batch"]
    ) -> tuple[Array, Array, Array]:
        """Means [D, units], variances [D, units] and numbers of rows [D, 1]."""
        members = jnp.arange(self.num_domains)[:, None] == domains[None]
        members = members.astype(jnp.float32)

        def total(x):
            return x if self.axis_name is None else jax.lax.psum(x, self.axis_name)

        counts = total(jnp.sum(members, axis=1, keepdims=True))
        rows = jnp.maximum(counts, 1.0)
        mean = total(members @ z.astype(jnp.float32)) / rows
        deviations = jnp.square(z.astype(jnp.float32) - mean[domains])
        return mean, total(members @ deviations) / rows, counts
