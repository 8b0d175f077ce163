"""Multi-task attention network, in a form for tabular rows."""

from collections.abc import Mapping

import flax.linen as nn

from mtlx.models.attention import Attention
from mtlx.models.base import MultiTaskModel
from mtlx.models.mlp import MLP
from mtlx.types import Array, Float


class MTAN(MultiTaskModel):
    """y_k = tower_k(a_k^L), a_k^l = sigmoid(M_k^l([h^l; a_k^{l-1}])) * h^l.

    One shared trunk h^l = MLP^l(h^{l-1}), h^0 = x; each task masks every layer of it
    softly by a small network M_k^l of its own, which also reads what the task took from
    the layer before.

    Args:
        trunk_widths: layers of the trunk; at least one.
        attention_widths: hidden layers of every M_k^l.
        tasks, outputs, encoder, tower_widths: see `MultiTaskModel`.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Raises:
        ValueError: a trunk without layers.

    Reference:
        Liu, Johns, Davison, "End-to-End Multi-Task Learning with Attention", CVPR 2019,
        equations 1 and 2. The paper's blocks are convolutional. Here 1x1 convolutions
        become affine maps, the two features u and p of a block become the one h^l, and
        the shared f between blocks goes: it adapts channels and resolution, and a row
        has none. norm="batch" normalises the hidden layers of M as the paper does.
    """

    trunk_widths: tuple[int, ...] = (192, 192)
    attention_widths: tuple[int, ...] = (16,)

    def __post_init__(self):
        if not self.trunk_widths:
            raise ValueError(
                "MTAN: expected trunk_widths with at least one layer to attend to, "
                "found ()."
            )
        super().__post_init__()

    @nn.nowrap
    def represent(
        self, features: Mapping[str, Array], train: bool
    ) -> dict[str, Float[Array, "batch units"]]:
        x = self.encode(features, train)
        trunk = []
        for index, width in enumerate(self.trunk_widths):
            mlp = MLP(widths=(width,), name=f"trunk_{index}", **self.settings())
            x = mlp(x, train=train)
            trunk.append(self.probe(f"representation_{index}", x))

        def attend(task):
            attention = Attention(
                widths=self.attention_widths,
                name=f"attention_{task}",
                **self.settings(),
            )
            return attention(trunk, train=train)

        return {task: attend(task) for task in self.tasks}

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        return ((f"trunk_{len(self.trunk_widths) - 1}",),)

    @nn.nowrap
    def owners(self) -> dict[tuple[str, ...], str]:
        parts = ("attention", "tower")
        return {(f"{part}_{task}",): task for task in self.tasks for part in parts}
