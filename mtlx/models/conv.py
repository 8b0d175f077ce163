"""Convolution over the places of a map."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype

from mtlx.types import Array, Float

NHWC = ("NHWC", "HWIO", "NHWC")


class Conv(nn.Module):
    """y[i, j] = sum_ab x[s i + a - p, s j + b - p] K_ab (+ b), zeros outside the map.

    The parameters are those of `flax.linen.Conv`. On a CPU the windows are laid side by
    side, [B, H', W', h w C], and multiplied by K as one matrix: inside the scan of an
    epoch XLA's convolution and its gradients are several times slower there, see
    docs/benchmarks/notes.md. Elsewhere it is XLA's. With few channels most of that time
    goes to laying them out, a channel or ten at a time; with the rows innermost whole
    vectors move, and so do they in the pooling after it.

    Args:
        width: channels C' of the result.
        kernel: side h = w of K.
        stride: s, distance between the places of the result.
        padding: p, places outside the map on each side.
        use_bias: whether there is a b.
        batch_last: x is [C, H, W, B] and the result [C', H', W', B], always as one
            product: for a CPU, and a chain of such maps with few channels.
        dtype: of the computation; parameters stay float32.

    Returns:
        [B, H', W', width] of x [B, H, W, C], H' = floor((H + 2 p - h) / s) + 1.
    """

    width: int
    kernel: int
    stride: int = 1
    padding: int = 0
    use_bias: bool = True
    batch_last: bool = False
    dtype: Any = None

    @nn.compact
    def __call__(
        self, x: Float[Array, "_ height width _"]
    ) -> Float[Array, "_ rows columns _"]:
        channels = x.shape[0 if self.batch_last else -1]
        shape = (self.kernel, self.kernel, channels, self.width)
        kernel = self.param("kernel", nn.initializers.lecun_normal(), shape)
        x, kernel = promote_dtype(x, kernel, dtype=self.dtype)
        if self.batch_last or jax.default_backend() == "cpu":
            y = self._product(x, kernel)
        else:
            padding = [(self.padding,) * 2] * 2
            y = jax.lax.conv_general_dilated(
                x, kernel, (self.stride,) * 2, padding, dimension_numbers=NHWC
            )
        if not self.use_bias:
            return y
        bias = self.param("bias", nn.initializers.zeros, (self.width,))
        bias = jnp.expand_dims(bias, (1, 2, 3) if self.batch_last else (0, 1, 2))
        return y + bias.astype(y.dtype)

    @nn.nowrap
    def _product(self, x: Array, kernel: Array) -> Array:
        sides = ((0, 0), *[(self.padding,) * 2] * 2, (0, 0))
        x = jnp.pad(x, sides)
        rows, columns = ((n - self.kernel) // self.stride + 1 for n in x.shape[1:3])

        def window(a, b):
            """What stands at (a, b) of every window."""
            last = (a + self.stride * (rows - 1), b + self.stride * (columns - 1))
            return x[:, a : last[0] + 1 : self.stride, b : last[1] + 1 : self.stride]

        places = range(self.kernel)
        windows = [window(a, b) for a in places for b in places]
        matrix = kernel.reshape(-1, self.width)
        if self.batch_last:
            columns_of = jnp.concatenate(windows, axis=0).reshape(len(matrix), -1)
            y = jnp.tensordot(matrix, columns_of, axes=((0,), (0,)))
            return y.reshape(self.width, rows, columns, -1)
        rows_of = jnp.concatenate(windows, axis=-1).reshape(-1, len(matrix))
        return (rows_of @ matrix).reshape(x.shape[0], rows, columns, self.width)
