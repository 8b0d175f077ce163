"""Cross-stitch network."""

from collections.abc import Mapping

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.base import MultiTaskModel
from mtlx.models.experts import Experts
from mtlx.models.stitch import stitch_init
from mtlx.types import Array, Float


class CrossStitch(MultiTaskModel):
    """y_k = tower_k(s_k^L), one column of layers a task, mixed after every layer:

        c_k^l = MLP_k^l(s_k^{l-1}),   s_k^l = sum_j alpha^l_kj c_j^l,   s_k^0 = x

    Each alpha^l is T x T trainable scalars. Row k of the last one is task k's own.

    Args:
        column_widths: layers of every column; at least one.
        keep: alpha_kk at the start; the other T - 1 entries of a row share 1 - keep.
        tasks, outputs, encoder, tower_widths: see `MultiTaskModel`.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Raises:
        ValueError: a column without layers.

    Reference:
        Misra et al., "Cross-stitch Networks for Multi-task Learning", CVPR 2016,
        equation 1; as a baseline on rows in Ma et al., KDD 2018, section 6. The paper's
        columns start from single-task networks; here all is trained from the start.
    """

    column_widths: tuple[int, ...] = (144, 48)
    keep: float = 0.9

    def __post_init__(self):
        if not self.column_widths:
            raise ValueError(
                "CrossStitch: expected column_widths with at least one layer to stitch,"
                " found ()."
            )
        super().__post_init__()

    @nn.nowrap
    def represent(
        self, features: Mapping[str, Array], train: bool
    ) -> dict[str, Float[Array, "batch units"]]:
        stitched = self.encode(features, train)
        count = len(self.tasks)
        for level, width in enumerate(self.column_widths):
            layer = Experts(
                num_experts=count,
                widths=(width,),
                name=f"columns_{level}",
                **self.settings(),
            )
            columns = layer(stitched, train=train)
            if level < len(self.column_widths) - 1:
                unit = self.param(f"unit_{level}", stitch_init(self.keep), (count,) * 2)
                stitched = jnp.einsum(
                    "kj,bjd->bkd", unit.astype(columns.dtype), columns
                )
        columns = self.probe("columns", columns)

        def stitch(index, task):
            row = self.param(f"stitch_{task}", stitch_init(self.keep, index), (count,))
            return jnp.einsum("j,bjd->bd", row.astype(columns.dtype), columns)

        return {task: stitch(index, task) for index, task in enumerate(self.tasks)}

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        return ((f"columns_{len(self.column_widths) - 1}",),)

    @nn.nowrap
    def owners(self) -> dict[tuple[str, ...], str]:
        parts = ("stitch", "tower")
        return {(f"{part}_{task}",): task for task in self.tasks for part in parts}
