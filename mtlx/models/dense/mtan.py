"""Multi-task attention network, in its form for dense prediction."""

from collections.abc import Mapping

import flax.linen as nn

from mtlx.models.convolution import Convolution
from mtlx.models.dense.attention import DenseAttention
from mtlx.models.dense.base import DenseModel
from mtlx.models.dense.maps import Block, Maps
from mtlx.types import Array, Float


class DenseMTAN(DenseModel):
    """y_k = head_k(a_k^J), a_k^j = sigmoid(h_k^j(g_k^j([u^j; f^j(a_k^{j-1})]))) * p^j.

    One shared trunk with the maps u^j and p^j after the first and the last convolution
    of block j. Each task masks p^j softly; its g and h are its own, f^j, a 3 x 3
    convolution that carries a task's choice to the next block, is shared.

    The shared representation (granularity "representation") is the maps of the trunk;
    f^j, which reads what tasks own, is behind it.

    Args:
        attention_width: channels of g; None: those of p^j.
        tasks, outputs, encoder, tower_widths: see `DenseModel`.
        activation, norm, dropout_rate, dtype: see `Layer`; norm="batch" is the paper's.

    Reference:
        Liu, Johns, Davison, "End-to-End Multi-Task Learning with Attention", CVPR 2019,
        equations 1 and 2, on `SegNet`. On the way up the paper enlarges a_k
        bilinearly; ours repeats it.
    """

    attention_width: int | None = None

    @nn.nowrap
    def represent(
        self, features: Mapping[str, Array], train: bool
    ) -> dict[str, Float[Array, "batch height width channels"]]:
        maps = self._probed(self.maps(features, train))
        blocks = (*maps.down, *maps.up)
        shared = {
            index: Convolution(
                blocks[index].early.shape[-1], name=f"share_{index}", **self.settings()
            )
            for index in range(1, len(blocks))
        }

        def carry(index, attended):
            return shared[index](attended, train=train)

        def attend(task):
            attention = DenseAttention(
                width=self.attention_width, name=f"attention_{task}", **self.settings()
            )
            return attention(maps, carry, train=train)

        return {task: attend(task) for task in self.tasks}

    @nn.nowrap
    def _probed(self, maps: Maps) -> Maps:
        def probe(side, index, block):
            named = zip(Block._fields, block, strict=True)
            return Block(*(self.probe(f"{side}_{index}_{n}", x) for n, x in named))

        return Maps(
            *(
                tuple(probe(side, index, block) for index, block in enumerate(blocks))
                for side, blocks in zip(Maps._fields, maps, strict=True)
            )
        )

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        return (("encoder", "up_0_1"),)

    @nn.nowrap
    def owners(self) -> dict[tuple[str, ...], str]:
        parts = ("attention", "tower")
        return {(f"{part}_{task}",): task for task in self.tasks for part in parts}
