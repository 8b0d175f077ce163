"""One trunk a task with a label a pixel."""

from collections.abc import Mapping

import flax.linen as nn

from mtlx.models.dense.base import DenseModel
from mtlx.types import Array, Float


class DenseSingleTask(DenseModel):
    """y_k = head_k(f_k(image)): nothing is shared; what delta_m is measured against.

    Args:
        tasks, outputs, encoder, tower_widths: see `DenseModel`.
        activation, norm, dropout_rate, dtype: see `Layer`.
    """

    @nn.nowrap
    def represent(
        self, features: Mapping[str, Array], train: bool
    ) -> dict[str, Float[Array, "batch height width channels"]]:
        names = {task: f"encoder_{task}" for task in self.tasks}
        return {
            task: self.maps(features, train, name).last for task, name in names.items()
        }

    @nn.nowrap
    def owners(self) -> dict[tuple[str, ...], str]:
        parts = ("encoder", "tower")
        return {(f"{part}_{task}",): task for task in self.tasks for part in parts}
