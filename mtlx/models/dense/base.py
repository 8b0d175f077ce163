"""What the architectures with a label a pixel have in common."""

from collections.abc import Mapping

import flax.linen as nn

from mtlx.models.base import MultiTaskModel
from mtlx.models.dense.head import DenseHead
from mtlx.models.dense.maps import Maps
from mtlx.types import PIXEL_KINDS, Array, Float


class DenseModel(MultiTaskModel):
    """y_k = head_k(h_k) at every pixel, where an architecture makes h_1 .. h_T of maps.

    Args:
        tasks, outputs: see `MultiTaskModel`.
        encoder: makes the trunk, e.g. `functools.partial(SegNet, fields=...)`.
        tower_widths: convolutions of every head.
        activation, norm, dropout_rate, dtype: see `Layer`; of all but the trunk, which
            has its own.

    Returns:
        For each task float32 [B, H, W], or [B, H, W, C] for C > 1 outputs.
    """

    @nn.nowrap
    def maps(
        self, features: Mapping[str, Array], train: bool, name: str = "encoder"
    ) -> Maps:
        """What the trunk `name` makes of the image.

        Raises:
            ValueError: the encoder makes one vector a row.
        """
        maps = self.encoder(name=name)(features, train=train)
        if not isinstance(maps, Maps):
            raise ValueError(
                f"{type(self).__name__}: expected an encoder of maps, found one that "
                f"makes a vector of each row. Choose encoder=dense/segnet."
            )
        return maps

    @nn.nowrap
    def towers(
        self, hidden: Mapping[str, Float[Array, "batch height width _"]], train: bool
    ) -> dict[str, Float[Array, "batch height width ..."]]:
        """What the heads of the tasks in `hidden` say: y_k = head_k(h_k)."""
        outputs = dict(zip(self.tasks, self.outputs, strict=True))

        def head(task):
            return DenseHead(
                outputs=outputs[task],
                widths=self.widths_of(task),
                name=f"tower_{task}",
                **self.settings(),
            )

        order = [task for task in self.tasks if task in hidden]
        return {task: head(task)(hidden[task], train=train) for task in order}

    @nn.nowrap
    def check_kinds(self, kinds: tuple[str, ...]) -> None:
        others = [kind for kind in kinds if kind not in PIXEL_KINDS]
        if others:
            raise ValueError(
                f"{type(self).__name__}: expected tasks with a label a pixel "
                f"({', '.join(PIXEL_KINDS)}), found {', '.join(others)}. Choose a "
                f"model that is not of the group dense/."
            )
