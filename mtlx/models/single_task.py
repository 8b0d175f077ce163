"""Single-task learning: one network a task."""

from collections.abc import Mapping

import flax.linen as nn

from mtlx.models.base import MultiTaskModel
from mtlx.models.mlp import MLP
from mtlx.types import Array, Float


class SingleTask(MultiTaskModel):
    """y_k = tower_k(bottom_k(encoder_k(features))): nothing is shared.

    T networks of the form of `SharedBottom` with one task each, trained at once. The
    reference that multi-task gain (delta_m) is measured against.

    Args:
        bottom_widths: layers of each task's bottom.
        tasks, outputs, encoder, tower_widths: see `MultiTaskModel`.
        activation, norm, dropout_rate, dtype: see `Layer`.
    """

    bottom_widths: tuple[int, ...] = (160,)

    @nn.nowrap
    def represent(
        self, features: Mapping[str, Array], train: bool
    ) -> dict[str, Float[Array, "batch units"]]:
        def bottom(task):
            x = self.encode(features, train, f"encoder_{task}")
            mlp = MLP(
                widths=self.bottom_widths, name=f"bottom_{task}", **self.settings()
            )
            return mlp(x, train=train)

        return {task: bottom(task) for task in self.tasks}

    @nn.nowrap
    def owners(self) -> dict[tuple[str, ...], str]:
        parts = ("encoder", "bottom", "tower")
        return {(f"{part}_{task}",): task for task in self.tasks for part in parts}
