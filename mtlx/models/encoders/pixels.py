"""From stored pixels to what a network reads."""

import jax.numpy as jnp

from mtlx.types import Array, Float, UInt

Images = (
    Float[Array, "batch height width channels"]
    | UInt[Array, "batch height width channels"]
)


def scale_pixels(
    images: Images,
    mean: float | tuple[float, ...] = 0.0,
    std: float | tuple[float, ...] = 1.0,
) -> Float[Array, "batch height width channels"]:
    """(x - mean) / std, with x / 255 for x where the pixels are stored as integers.

    Images stay uint8 until here, on the device: a quarter of the memory of float32.

    Args:
        images: [B, H, W, C], integers 0 .. 255 or numbers on the scale of `mean`.
        mean, std: of a pixel on the scale 0 .. 1; one number, or one a channel.
    """
    x = images.astype(jnp.float32)
    if jnp.issubdtype(images.dtype, jnp.integer):
        x = x / 255.0
    mean, std = (_last(value) for value in (mean, std))
    return (x - mean) / std


def _last(value: float | tuple[float, ...]) -> Array:
    """Over the channels of [B, H, W, C]."""
    return jnp.asarray(value, jnp.float32).reshape(1, 1, 1, -1)
