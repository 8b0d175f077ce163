"""The head of one task, with weights for each domain."""

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.domain_dense import DomainDense
from mtlx.models.layer import Layer
from mtlx.types import Array, Float, Int


class DomainTower(Layer):
    """y = W_d MLP_d(h) + b_d, d the domain of the row: `Tower`, one a domain.

    Args:
        outputs: 1 for a binary or regression task, the number of classes otherwise.
        num_domains: number of domains d.
        widths: hidden layers.
        activation, norm, dropout_rate, dtype: see `Layer`; the domains share the norm.

    Returns:
        float32 [B] if outputs is 1, else [B, outputs], of x [B, D], domain ids [B].
    """

    outputs: int
    num_domains: int
    widths: tuple[int, ...] = (32,)

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "batch inputs"],
        domains: Int[Array, "batch"],
        *,
        train: bool = False,
    ) -> Float[Array, " batch"] | Float[Array, "batch outputs"]:
        def dense(units, dtype, name):
            count = self.num_domains
            return DomainDense(units=units, num_domains=count, dtype=dtype, name=name)

        for index, width in enumerate(self.widths):
            z = dense(width, self.dtype, f"dense_{index}")(x, domains)
            x = self.nonlinearity(z, index, train=train)
        # In float32 for the reason that `Tower` states.
        y = dense(self.outputs, jnp.float32, "output")(x, domains)
        return jnp.squeeze(y, axis=-1) if self.outputs == 1 else y
