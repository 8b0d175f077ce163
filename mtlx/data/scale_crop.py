"""Random parts of an image, enlarged, with the labels of its pixels."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mtlx.types import Array, Batch, Float, PRNGKeyArray

SCALES = (1.0, 1.2, 1.5)


class _Part(NamedTuple):
    """Which places of a side are shown, and in which order."""

    first: Array  # [] int32
    length: Array  # [] int32
    places: Array  # [N] int32, 0 .. N - 1, or backwards where it is mirrored


def scale_crop(row: Batch, key: PRNGKeyArray) -> Batch:
    """A part of an image of H x W, H / s high and W / s wide, on H x W pixels again.

    s is drawn from 1, 1.2 and 1.5, the place of the part evenly, and it is mirrored in
    half of the cases. Image and normals are interpolated linearly, corners on corners;
    pixel i of H has the class and depth of pixel floor(i h / H) of the part's h. What
    is s times as large is s times as near: depth is divided by s. Of mirrored normals x
    changes its sign.

    Args:
        row: "image" [H, W, C] uint8 and any of the labels "segmentation" [H, W] (whole
            numbers, below 0: none), "depth" [H, W] and "normals" [H, W, 3] (NaN: none).
        key: of the row.

    Returns:
        The row in the same shapes and dtypes, with `where` by what it now shows.

    Reference: the augmentation in the public codes of CAGrad (Liu et al., NeurIPS 2021)
    and Nash-MTL (Navon et al., ICML 2022). As there, interpolated normals are not made
    1 long again, and pixels without one count as 0 in them. Theirs leaves the image in
    floats; ours rounds it to whole 255ths.
    """
    image = row.features["image"]
    scale_key, row_key, column_key, mirror_key = jax.random.split(key, 4)
    chosen = jax.random.randint(scale_key, (), 0, len(SCALES))
    mirror = jax.random.bernoulli(mirror_key)
    rows = _draw_part(row_key, image.shape[0], chosen, jnp.bool_(False))
    columns = _draw_part(column_key, image.shape[1], chosen, mirror)
    labels = {
        name: _normals(label, rows, columns, mirror)
        if name == "normals"
        else label[_nearest(rows)][:, _nearest(columns)]
        for name, label in row.labels.items()
    }
    if "depth" in labels:
        labels["depth"] = labels["depth"] / jnp.asarray(SCALES, jnp.float32)[chosen]
    pixels = jnp.round(_linear(image.astype(jnp.float32), rows, columns))
    return Batch(
        {"image": pixels.astype(image.dtype)},
        labels,
        {name: jnp.any(is_label(label)) for name, label in labels.items()},
    )


def is_label(values: Array | np.ndarray) -> Array | np.ndarray:
    """Where there is a label: classes from 0, numbers that are not NaN."""
    return values >= 0 if values.dtype.kind == "i" else values == values


def _draw_part(key: PRNGKeyArray, side: int, chosen: Array, mirror: Array) -> _Part:
    length = jnp.array([int(side / scale) for scale in SCALES], jnp.int32)[chosen]
    first = jax.random.randint(key, (), 0, side - length + 1)
    places = jnp.arange(side, dtype=jnp.int32)
    return _Part(first, length, jnp.where(mirror, side - 1 - places, places))


def _nearest(part: _Part) -> Array:
    return part.first + part.places * part.length // len(part.places)


def _linear(
    values: Float[Array, "height width channels"], rows: _Part, columns: _Part
) -> Float[Array, "height width channels"]:
    for axis, part in enumerate((rows, columns)):
        step = (part.length - 1) / max(len(part.places) - 1, 1)
        place = part.places * step
        low = jnp.minimum(jnp.floor(place).astype(jnp.int32), part.length - 1)
        high = jnp.minimum(low + 1, part.length - 1)
        share = jnp.expand_dims(place - low, (1, 2) if axis == 0 else (0, 2))
        a, b = (jnp.take(values, part.first + at, axis=axis) for at in (low, high))
        values = a + share * (b - a)
    return values


def _normals(label: Array, rows: _Part, columns: _Part, mirror: Array) -> Array:
    """NaN where no pixel that is mixed has a normal."""
    mixed = _linear(jnp.where(is_label(label), label, 0.0), rows, columns)
    known = jnp.any(mixed != 0.0, axis=-1, keepdims=True)
    signs = jnp.where(mirror, jnp.array([[[-1.0, 1.0, 1.0]]]), 1.0)
    return jnp.where(known, mixed * signs, jnp.nan)
