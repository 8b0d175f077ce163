"""Star topology adaptive recommender."""

from collections.abc import Mapping

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.base import MultiTaskModel
from mtlx.models.columns import Column, domain_column, ids_of
from mtlx.models.layer import Norm
from mtlx.models.star_mlp import StarMLP
from mtlx.models.tower import Tower
from mtlx.types import Array, Float


class STAR(MultiTaskModel, kw_only=True):
    """y_k = tower_k(f_d(x)) + a_k([e_d; x]), f_d a network with W * W_d for domain d.

    Several domains and several tasks. Each layer of the bottom f has one weight matrix
    W shared by all domains and factors W_d of each (`DomainDense`), after normalisation
    by the statistics of the domain (`PartitionedNorm`). An auxiliary network a_k of
    each task reads the domain's embedding e_d directly; its output is added to the
    logit as it is.

    Args:
        domain: name or number of the categorical column that is the domain; None is the
            one that the data declare (`Schema.domain`). Id 0, unknown values, is a
            domain too.
        bottom_widths: layers of f.
        auxiliary_widths: hidden layers of each a_k.
        domain_dim: width of e_d.
        norm: "batch" is the partitioned normalisation of x and of every layer of f, and
            the usual one in towers; "layer" and "none" as in `Layer`.
        tasks, outputs, encoder, tower_widths, schema: see `MultiTaskModel`.
        activation, dropout_rate, dtype: see `Layer`.

    Raises:
        ValueError: no such column, or none declared; or no layer of f.

    Reference:
        Sheng et al., "One Model to Serve All: Star Topology Adaptive Recommender for
        Multi-Domain CTR Prediction", CIKM 2021. The paper has one
        task, and its whole network is a star; here the bottom is, which the tasks
        share, and their towers are common to the domains.
    """

    domain: Column | None = None
    bottom_widths: tuple[int, ...] = (96, 48)
    auxiliary_widths: tuple[int, ...] = (16,)
    domain_dim: int = 8
    norm: Norm = "batch"

    def __post_init__(self):
        super().__post_init__()
        if not self.bottom_widths:
            raise ValueError(
                "STAR: expected bottom_widths with at least one layer, found (); "
                "without weights of the domains' own use SharedBottom."
            )
        domain_column("STAR", self.schema, self.domain)

    @nn.compact
    def __call__(
        self, features: Mapping[str, Array], *, train: bool = False
    ) -> dict[str, Float[Array, "batch ..."]]:
        x = self.encode(features, train)
        column = domain_column("STAR", self.schema, self.domain)
        domains, count = ids_of(features, column), self.schema.cardinalities[column]
        star = StarMLP(
            widths=self.bottom_widths,
            num_domains=count,
            name="bottom",
            **self.settings(),
        )
        bottom = self.probe("representation", star(x, domains, train=train))
        embedding = self.encode_columns(
            features, (column,), self.domain_dim, "domain_encoder"
        )
        z = self.probe("auxiliary", jnp.concatenate([embedding, x], axis=-1))
        main = self.towers(dict.fromkeys(self.tasks, bottom), train)
        return {
            task: main[task] + self._auxiliary(task, outputs, z, train)
            for task, outputs in zip(self.tasks, self.outputs, strict=True)
        }

    @nn.nowrap
    def _auxiliary(
        self, task: str, outputs: int, z: Array, train: bool
    ) -> Float[Array, "batch ..."]:
        network = Tower(
            outputs=outputs,
            widths=self.auxiliary_widths,
            name=f"auxiliary_{task}",
            **self.settings(),
        )
        return network(z, train=train)

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        return (("bottom", f"dense_{len(self.bottom_widths) - 1}"),)

    @nn.nowrap
    def owners(self) -> dict[tuple[str, ...], str]:
        parts = ("auxiliary", "tower")
        return {(f"{part}_{task}",): task for task in self.tasks for part in parts}
