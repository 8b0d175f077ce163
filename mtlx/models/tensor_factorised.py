"""Bottoms of all tasks as tensors of low rank."""

from collections.abc import Mapping

import flax.linen as nn

from mtlx.models.base import MultiTaskModel
from mtlx.models.tucker import Tucker
from mtlx.types import Array, Float


class TensorFactorised(MultiTaskModel):
    """y_k = tower_k(h_k^L), h_k^l = relu(W_k^l h_k^{l-1} + b_k^l), W^l in Tucker form.

    Each task has a bottom of its own form, but the kernels of a layer are slices of one
    tensor with shared factors: see `Tucker`.

    Args:
        bottom_widths: layers of every bottom; at least one.
        ranks: (r1, r2, r3) of every layer's inputs, units and tasks.
        tasks, outputs, encoder, tower_widths: see `MultiTaskModel`.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Raises:
        ValueError: bottoms without layers, or a rank below 1.

    Reference:
        The baseline Tensor-Factorization of Ma et al., KDD 2018, section 6, after
        Yang and Hospedales, ICLR 2017.
    """

    bottom_widths: tuple[int, ...] = (192,)
    ranks: tuple[int, int, int] = (168, 112, 3)

    def __post_init__(self):
        if not self.bottom_widths or min(self.ranks) < 1:
            raise ValueError(
                f"TensorFactorised: expected at least one layer and ranks >= 1, found "
                f"bottom_widths={self.bottom_widths} and ranks={self.ranks}."
            )
        super().__post_init__()

    @nn.nowrap
    def represent(
        self, features: Mapping[str, Array], train: bool
    ) -> dict[str, Float[Array, "batch units"]]:
        hidden = dict.fromkeys(self.tasks, self.encode(features, train))
        for level, width in enumerate(self.bottom_widths):
            layer = Tucker(
                tasks=self.tasks,
                width=width,
                ranks=self.ranks,
                probed=level == len(self.bottom_widths) - 1,
                name=f"bottom_{level}",
                **self.settings(),
            )
            hidden = layer(hidden, train=train)
        return hidden

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        last = f"bottom_{len(self.bottom_widths) - 1}"
        return tuple((last, part) for part in ("inputs", "core", "units"))

    @nn.nowrap
    def owners(self) -> dict[tuple[str, ...], str]:
        owners = super().owners()
        for level in range(len(self.bottom_widths)):
            for task in self.tasks:
                for part in ("factor", "bias", "activate"):
                    owners[f"bottom_{level}", f"{part}_{task}"] = task
        return owners
