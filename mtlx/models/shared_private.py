"""A shared encoder, and one of each task's own beside it."""

from collections.abc import Mapping

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.base import MultiTaskModel
from mtlx.models.mlp import MLP
from mtlx.types import Array, Float


class SharedPrivate(MultiTaskModel):
    """y_k = tower_k([bottom_s(encoder_s(features)); bottom_k(encoder_k(features))]).

    The private part k is task k's own, embeddings included, and is trained on its rows
    alone; the shared part is trained on the rows of all tasks.

    Args:
        bottom_widths: layers of each bottom; () for none.
        tasks, outputs, encoder, tower_widths: see `MultiTaskModel`; () as tower_widths
            is the paper's softmax layer on the two encodings.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Reference:
        Liu, Qiu and Huang, "Adversarial Multi-task Learning for Text Classification",
        ACL 2017, section 3.2 (SP-MTL), without the adversary and the orthogonality
        constraint of section 4; any encoder in place of the LSTM.
    """

    bottom_widths: tuple[int, ...] = (118,)

    @nn.nowrap
    def represent(
        self, features: Mapping[str, Array], train: bool
    ) -> dict[str, Float[Array, "batch units"]]:
        def part(name):
            x = self.encode(features, train, f"encoder_{name}")
            mlp = MLP(
                widths=self.bottom_widths, name=f"bottom_{name}", **self.settings()
            )
            return mlp(x, train=train)

        shared = self.probe("shared", part("shared"))
        return {
            task: jnp.concatenate([shared, part(f"task_{task}")], axis=-1)
            for task in self.tasks
        }

    @nn.nowrap
    def owners(self) -> dict[tuple[str, ...], str]:
        prefixes = ("encoder_task", "bottom_task", "tower")
        return {
            (f"{prefix}_{task}",): task for task in self.tasks for prefix in prefixes
        }

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        if not self.bottom_widths:
            return (("encoder_shared",),)
        return (("bottom_shared", f"dense_{len(self.bottom_widths) - 1}"),)
