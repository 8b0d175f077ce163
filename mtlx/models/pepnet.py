"""Parameter and embedding personalised network."""

from collections.abc import Mapping

import flax.linen as nn
import jax
import jax.numpy as jnp

from mtlx.models.base import MultiTaskModel, TowerWidths
from mtlx.models.columns import Column, domain_column, personal_columns
from mtlx.models.mlp import MLP
from mtlx.types import Array, Float


class PEPNet(MultiTaskModel):
    """O = x * G([e_domain; sg(x)]);  h_k^{l+1} = act(W_k^l (h_k^l * d_k^l) + b_k^l).

    EPNet gates the embedding x by the domain; PPNet gates what every layer of every
    task reads, h_k^0 = O, by who and what the row is about: d_k^l = G_k^l([e_personal;
    sg(O)]). G(z) = 2 s(W' relu(W z)) begins around 1. The gates see x and O through a
    stop-gradient sg, so that they do not disturb the embeddings they are computed from;
    the networks read x and O themselves.

    Args:
        domain: name or number of the categorical column that is the domain; None is the
            one that the data declare (`Schema.domain`).
        personal: those of user, item, author; None is what the data declare.
        prior_dim: width of the embeddings e_domain and e_personal of each column.
        gate_width: hidden units of every G.
        gate_scale: the 2 of G.
        task_widths: layers of each task's network.
        tasks, outputs, encoder, tower_widths, schema: see `MultiTaskModel`. The towers
            are not gated: linear ones, (), leave all hidden layers to PPNet.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Raises:
        ValueError: no such column, or none declared.

    Reference:
        Chang et al., "PEPNet: Parameter and Embedding Personalized Network for Infusing
        with Personalized Prior Information", KDD 2023 (EPNet, PPNet). The gates of one
        layer share their hidden units over the tasks. e_domain and e_personal have
        tables of their own here, made by the same factory as the encoder.
    """

    domain: Column | None = None
    personal: tuple[Column, ...] | None = None
    prior_dim: int = 8
    gate_width: int = 16
    gate_scale: float | Array = 2.0
    task_widths: tuple[int, ...] = (120, 32)
    tower_widths: TowerWidths = ()

    def __post_init__(self):
        super().__post_init__()
        domain_column("PEPNet", self.schema, self.domain)
        personal_columns("PEPNet", self.schema, self.personal)

    @nn.nowrap
    def represent(
        self, features: Mapping[str, Array], train: bool
    ) -> dict[str, Float[Array, "batch units"]]:
        x = self.encode(features, train)
        domain = (domain_column("PEPNet", self.schema, self.domain),)
        personal = personal_columns("PEPNet", self.schema, self.personal)
        embedded = self.encode_columns(
            features, domain, self.prior_dim, "domain_encoder"
        )
        hidden = self._hidden("domain_gate", embedded, x)
        x = self._scaled("domain_factor", x, hidden)
        embedded = self.encode_columns(
            features, personal, self.prior_dim, "personal_encoder"
        )
        gates = [
            self.probe(f"hidden_{k}", self._hidden(f"gate_{k}", embedded, x))
            for k in range(len(self.task_widths))
        ]
        x = self.probe("input", x)
        return {task: self._network(task, x, gates, train) for task in self.tasks}

    @nn.nowrap
    def _network(
        self, task: str, h: Array, gates: list[Array], train: bool
    ) -> Float[Array, "batch units"]:
        for index, (width, hidden) in enumerate(
            zip(self.task_widths, gates, strict=True)
        ):
            layer = MLP(widths=(width,), name=f"task_{index}_{task}", **self.settings())
            h = self._scaled(f"factor_{index}_{task}", h, hidden)
            h = layer(h, train=train)
        return h

    @nn.nowrap
    def _hidden(
        self, name: str, prior: Array, general: Array
    ) -> Float[Array, "batch hidden"]:
        """relu(W [prior; sg(general)])."""
        z = jnp.concatenate([prior, jax.lax.stop_gradient(general)], axis=-1)
        dense = nn.Dense(self.gate_width, dtype=self.dtype, name=name)
        return nn.relu(dense(z))

    @nn.nowrap
    def _scaled(self, name: str, h: Array, hidden: Array) -> Float[Array, "batch _"]:
        """h * 2 s(W' hidden)."""
        logits = nn.Dense(h.shape[-1], dtype=self.dtype, name=name)(hidden)
        return h * (self.gate_scale * nn.sigmoid(logits)).astype(h.dtype)

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        return (("domain_factor",),)

    @nn.nowrap
    def owners(self) -> dict[tuple[str, ...], str]:
        owners = super().owners()
        for index in range(len(self.task_widths)):
            for task in self.tasks:
                owners[(f"task_{index}_{task}",)] = task
                owners[(f"factor_{index}_{task}",)] = task
        return owners
