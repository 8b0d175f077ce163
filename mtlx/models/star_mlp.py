"""Perceptron of star layers: the network of STAR."""

import flax.linen as nn

from mtlx.models.domain_dense import DomainDense
from mtlx.models.layer import Layer
from mtlx.models.partitioned_norm import PartitionedNorm
from mtlx.types import Array, Float, Int


class StarMLP(Layer):
    """h_l = dropout(activation(norm((W_l * W_l,d) h_{l-1} + b_l + b_l,d))).

    Args:
        widths: units of each layer.
        num_domains: number of domains d.
        norm: "batch" is the partitioned normalisation, of the input x = h_0 too.
        activation, dropout_rate, dtype: see `Layer`.

    Returns:
        [B, widths[-1]] of x [B, D] and domain ids [B].
    """

    widths: tuple[int, ...]
    num_domains: int

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "batch inputs"],
        domains: Int[Array, "batch"],
        *,
        train: bool = False,
    ) -> Float[Array, "batch units"]:
        def partitioned(z, name):
            norm = PartitionedNorm(num_domains=self.num_domains, name=name)
            return norm(z, domains, train=train)

        if self.norm == "batch":
            x = partitioned(x, "norm_input")
        for index, width in enumerate(self.widths):
            dense = DomainDense(
                units=width,
                num_domains=self.num_domains,
                star=True,
                dtype=self.dtype,
                name=f"dense_{index}",
            )
            z = dense(x, domains)
            if self.norm == "batch":
                x = self.activated(partitioned(z, f"norm_{index}"), train=train)
            else:
                x = self.nonlinearity(z, index, train=train)
        return x
