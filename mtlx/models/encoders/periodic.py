"""Numbers as sines and cosines of trained frequencies."""

import flax.linen as nn
import jax.numpy as jnp

from mtlx.types import Array, Float


class Periodic(nn.Module):
    """e_n = relu(W_n [sin(z); cos(z)] + b_n),  z = 2 pi c_n x_n, for each column n.

    Every column has frequencies c_n [K] and an affine map of its own; all are trained.

    Args:
        width: D of each column's vector.
        num_frequencies: K.
        stddev: of the initial c_n, drawn from a normal: how fast x may turn. It is the
            one number of the method that has to be tuned, from .01 to 10.

    Returns:
        float32 [B, N, D] of x [B, N].

    Raises:
        ValueError: a width or number of frequencies below 1, or stddev not above 0.

    Reference:
        Gorishniy et al., "On Embeddings for Numerical Features in Tabular Deep
        Learning", NeurIPS 2022, section 3.3, the form with Linear and ReLU (PLR).
    """

    width: int = 8
    num_frequencies: int = 16
    stddev: float = 0.1

    def __post_init__(self):
        if min(self.width, self.num_frequencies) < 1 or self.stddev <= 0:
            raise ValueError(
                f"Periodic: expected width >= 1, num_frequencies >= 1 and stddev > 0, "
                f"found {self.width}, {self.num_frequencies} and {self.stddev}."
            )
        super().__post_init__()

    @nn.compact
    def __call__(
        self, numerical: Float[Array, "batch columns"], *, train: bool = False
    ) -> Float[Array, "batch columns width"]:
        del train
        columns, count = numerical.shape[1], self.num_frequencies
        frequencies = self.param(
            "frequencies", nn.initializers.normal(self.stddev), (columns, count)
        )
        init = nn.initializers.lecun_normal(in_axis=-2, out_axis=-1, batch_axis=0)
        kernel = self.param("kernel", init, (columns, 2 * count, self.width))
        bias = self.param("bias", nn.initializers.zeros, (columns, self.width))
        z = 2.0 * jnp.pi * frequencies[None] * numerical[:, :, None]
        waves = jnp.concatenate([jnp.sin(z), jnp.cos(z)], axis=-1)
        return nn.relu(jnp.einsum("bnk,nkd->bnd", waves, kernel) + bias[None])
