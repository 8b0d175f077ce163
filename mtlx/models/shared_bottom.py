"""Hard parameter sharing."""

from collections.abc import Mapping

import flax.linen as nn

from mtlx.models.base import MultiTaskModel
from mtlx.models.mlp import MLP
from mtlx.types import Array, Float


class SharedBottom(MultiTaskModel):
    """y_k = tower_k(f(x)): one bottom f for all tasks.

    Args:
        bottom_widths: layers of f; () puts the towers on the encoder's output.
        tasks, outputs, encoder, tower_widths: see `MultiTaskModel`.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Reference:
        Caruana, "Multitask Learning", Machine Learning 28, 1997; equation 1 of Ma et
        al., KDD 2018. To compare it with a mixture at an equal number of parameters,
        see `match_params`.
    """

    bottom_widths: tuple[int, ...] = (416,)

    @nn.nowrap
    def represent(
        self, features: Mapping[str, Array], train: bool
    ) -> dict[str, Float[Array, "batch units"]]:
        x = self.encode(features, train)
        bottom = MLP(widths=self.bottom_widths, name="bottom", **self.settings())
        hidden = self.probe("representation", bottom(x, train=train))
        return dict.fromkeys(self.tasks, hidden)

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        if not self.bottom_widths:
            return (("encoder",),)
        return (("bottom", f"dense_{len(self.bottom_widths) - 1}"),)
