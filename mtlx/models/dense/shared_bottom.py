"""Hard parameter sharing between tasks with a label a pixel."""

from collections.abc import Mapping

import flax.linen as nn

from mtlx.models.dense.base import DenseModel
from mtlx.types import Array, Float


class DenseSharedBottom(DenseModel):
    """y_k = head_k(f(image)): one trunk f for all tasks ("split" in MTAN's tables).

    Args:
        tasks, outputs, encoder, tower_widths: see `DenseModel`.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Reference: Caruana, "Multitask Learning", Machine Learning 28, 1997.
    """

    @nn.nowrap
    def represent(
        self, features: Mapping[str, Array], train: bool
    ) -> dict[str, Float[Array, "batch height width channels"]]:
        hidden = self.probe("representation", self.maps(features, train).last)
        return dict.fromkeys(self.tasks, hidden)

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        return (("encoder", "up_0_1"),)
