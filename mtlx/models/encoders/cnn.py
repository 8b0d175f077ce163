"""Convolutions over the positions of a text, the strongest response of each filter."""

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.dropout import Dropout
from mtlx.types import Array, Bool, Float


class CNN(nn.Module):
    """c_hl = relu(W_h [v_l; ..; v_{l+h-1}] + b_h),  x = dropout([max_l c_hl, all h]).

    A window begins at every position that is no padding, and reads zeros beyond the
    end: so a text shorter than a window has one too. (In the paper it ends there, and
    texts are padded to the width of the widest.)

    Args:
        widths: positions h of the windows.
        filters: of each width, K.
        dropout_rate: share of x set to zero while training.

    Returns:
        [B, len(widths) K] of vectors [B, L, D] and mask [B, L]; zeros for a row of
        padding alone.

    Raises:
        ValueError: no width, or a number below 1.

    Reference:
        Kim, "Convolutional Neural Networks for Sentence Classification", EMNLP 2014,
        equations 2 to 4; there widths 3, 4, 5, 100 filters, dropout .5.
    """

    widths: tuple[int, ...] = (3, 4, 5)
    filters: int = 100
    dropout_rate: float | Array = 0.0

    def __post_init__(self):
        if not self.widths or min(*self.widths, self.filters, self.filters) < 1:
            raise ValueError(
                f"CNN: expected widths and a number of filters >= 1, found "
                f"{self.widths} and {self.filters}."
            )
        super().__post_init__()

    @nn.compact
    def __call__(
        self,
        vectors: Float[Array, "batch length width"],
        mask: Bool[Array, "batch length"],
        query: Float[Array, "batch width"] | None = None,
        *,
        train: bool = False,
    ) -> Float[Array, "batch units"]:
        del query
        vectors = jnp.where(mask[..., None], vectors, 0.0)
        strongest = [self._respond(h, vectors, mask) for h in self.widths]
        dropout = Dropout(self.dropout_rate, deterministic=not train)
        return dropout(jnp.concatenate(strongest, axis=-1))

    @nn.nowrap
    def _respond(
        self,
        h: int,
        vectors: Float[Array, "batch length width"],
        mask: Bool[Array, "batch length"],
    ) -> Float[Array, "batch filters"]:
        init, shape = nn.initializers, (h, vectors.shape[-1], self.filters)
        scaled = init.lecun_normal(in_axis=(0, 1))
        kernel = self.param(f"kernel_{h}", scaled, shape)
        bias = self.param(f"bias_{h}", init.zeros, (self.filters,))
        # One product of matrices, then shifted sums: XLA's convolution over one
        # dimension is 20 times slower on a CPU.
        products = jnp.einsum("bld,hdf->hblf", vectors, kernel)
        beyond = ((0, 0), (0, h - 1), (0, 0))
        length = vectors.shape[1]
        z = sum(
            jnp.pad(product, beyond)[:, place : place + length]
            for place, product in enumerate(products)
        )
        responses = nn.relu(z + bias[None, None])
        # Responses are not negative, so zero in place of the windows on padding is the
        # maximum only where all others are zero too.
        return jnp.max(jnp.where(mask[..., None], responses, 0.0), axis=1)
