"""Sluice network."""

from collections.abc import Mapping

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.base import MultiTaskModel
from mtlx.models.batch_mean import BatchMean
from mtlx.models.experts import Experts
from mtlx.models.stitch import stitch_init
from mtlx.types import Array, Float


class Sluice(MultiTaskModel):
    """y_k = tower_k(sum_l beta_kl s_k^l): subspaces are stitched, layers are mixed.

    Each task has a column of layers, and each layer two subspaces of half its units:

        [c_k1^l; c_k2^l] = MLP_k^l(s_k^{l-1})
        s_ki^l = sum_{j,i'} alpha^l_{ki,ji'} c_ji'^l

    with alpha^l of 2T x 2T trainable scalars and beta_k of one scalar a layer. The
    penalty orthogonality * sum_{l,k} |C_k1^T C_k2 / B|_F^2, C [B, units/2] the outputs
    of a subspace on the batch, keeps the two subspaces of a task apart. beta_k and the
    rows of the last alpha that make s_k are task k's own.

    Args:
        column_width: units of every layer, an even number: the layers are added up.
        num_layers: number L of layers.
        keep: alpha on the diagonal at the start; the rest of a row shares 1 - keep.
        orthogonality: coefficient of the penalty.
        tasks, outputs, encoder, tower_widths: see `MultiTaskModel`.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Raises:
        ValueError: an odd width, or no layer.

    Reference:
        Ruder et al., "Latent Multi-task Architecture Learning" (sluice networks), AAAI
        2019. The paper's columns are biLSTMs; the penalty is a mean
        over the rows, so that it does not depend on the batch size; beta starts at 1/L.
    """

    column_width: int = 116
    num_layers: int = 2
    keep: float = 0.9
    orthogonality: float | Array = 0.001

    def __post_init__(self):
        if self.column_width % 2 or self.num_layers < 1:
            raise ValueError(
                f"Sluice: expected an even column_width, for two subspaces, and "
                f"num_layers >= 1, found {self.column_width} and {self.num_layers}."
            )
        super().__post_init__()

    @nn.nowrap
    def represent(
        self, features: Mapping[str, Array], train: bool
    ) -> dict[str, Float[Array, "batch units"]]:
        stitched = self.encode(features, train)
        count, read = len(self.tasks), []
        for level in range(self.num_layers):
            layer = Experts(
                num_experts=count,
                widths=(self.column_width,),
                name=f"columns_{level}",
                **self.settings(),
            )
            halves = self._halves(level, layer(stitched, train=train))
            if level < self.num_layers - 1:
                shape, init = (2 * count,) * 2, stitch_init(self.keep)
                unit = self.param(f"unit_{level}", init, shape)
                mixed = jnp.einsum("kj,bjd->bkd", unit.astype(halves.dtype), halves)
                stitched = mixed.reshape(-1, count, self.column_width)
                read.append(self.probe(f"layer_{level}", stitched))
        halves = self.probe("halves", halves)

        def mix_layers(index, task):
            init = stitch_init(self.keep, 2 * index)
            rows = self.param(f"stitch_{task}", init, (2, 2 * count))
            last = jnp.einsum("kj,bjd->bkd", rows.astype(halves.dtype), halves)
            layers = [layer[:, index] for layer in read]
            layers.append(last.reshape(-1, self.column_width))
            equal = nn.initializers.constant(1.0 / self.num_layers)
            beta = self.param(f"beta_{task}", equal, (self.num_layers,))
            return sum(b.astype(h.dtype) * h for b, h in zip(beta, layers, strict=True))

        return {task: mix_layers(index, task) for index, task in enumerate(self.tasks)}

    @nn.nowrap
    def _halves(self, level: int, columns: Array) -> Array:
        """[B, T, units] -> [B, 2T, units / 2], and the penalty on every pair."""
        rows, count, width = columns.shape
        halves = columns.reshape(rows, count, 2, width // 2)
        first, second = (halves[:, :, i].astype(jnp.float32) for i in (0, 1))
        products = jnp.einsum("bki,bkj->kij", first, second) / rows
        products = BatchMean(name=f"overlap_{level}")(products[None])
        self.penalise("orthogonality", self.orthogonality * jnp.sum(products**2))
        return halves.reshape(rows, 2 * count, width // 2)

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        return ((f"columns_{self.num_layers - 1}",),)

    @nn.nowrap
    def owners(self) -> dict[tuple[str, ...], str]:
        parts = ("stitch", "beta", "tower")
        return {(f"{part}_{task}",): task for task in self.tasks for part in parts}
