"""Dense prediction on scenes that are drawn and rendered on the device."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from mtlx.data.dataset import Dataset, Stream
from mtlx.data.scene import CLASSES, draw_scene, render
from mtlx.tasks import Task
from mtlx.types import Batch, Field, Schema

TASKS = (
    Task("segmentation", "segmentation", num_classes=len(CLASSES)),
    Task("depth", "depth"),
    Task("normals", "normals"),
)


def synthetic_scenes(
    side: int = 32,
    num_solids: int = 3,
    noise_std: float = 0.02,
    missing: float = 0.1,
    eval_rows: int = 512,
    steps_per_epoch: int = 100,
    seed: int = 0,
) -> Dataset:
    """What is at a pixel, how far away it is, and where its surface faces.

    Spheres, cones and tilted tiles before a wall (`mtlx.data.scene`); the three tasks
    of NYUv2 with labels that are exact. The training split is a `Stream`: fresh scenes
    at each step, drawn on the device.

    Args:
        side: S, of the square images in pixels.
        num_solids: of a scene; some hide others.
        noise_std: of the pixels, on the scale 0 .. 1, before they are rounded.
        missing: share of the pixels without a label, drawn for each task by itself.
        eval_rows: rows of the validation and of the test split.
        steps_per_epoch: training steps that count as an epoch.
        seed: draws the two evaluation splits.

    Returns:
        A `Dataset` with the field "image" [B, S, S, 3] uint8 and labels "segmentation"
        [B, S, S] int32 (-1: none), "depth" [B, S, S] and "normals" [B, S, S, 3] float32
        (NaN: none). `where` is True for all rows that have a labelled pixel.

    Raises:
        ValueError: a value out of its range.

    Departs from NYUv2, which stands in for it: rays are parallel, and distances have no
    unit. Its figures compare with nothing published.
    """
    _check(side, num_solids, missing)
    sample = _sampler(side, num_solids)
    numbers = (jnp.float32(noise_std), jnp.float32(missing))
    keys = jax.random.split(jax.random.key(seed))
    validation, test = (
        jax.tree.map(np.asarray, sample(numbers, key, eval_rows)) for key in keys
    )
    return Dataset(
        name="synthetic_scenes",
        tasks=TASKS,
        schema=Schema(fields=(Field("image", "image", (side, side, 3)),)),
        train=Stream(sample, steps_per_epoch, numbers),
        validation=validation,
        test=test,
    )


@functools.cache
def _sampler(side: int, num_solids: int):
    """One function for all data sets of a shape: they share its programs."""

    @functools.partial(jax.jit, static_argnums=2)
    def sample(numbers, key, batch_size):
        noise_std, missing = numbers
        keys = jax.random.split(key, 2 + len(TASKS))
        scene_keys = jax.random.split(keys[0], batch_size)
        view = jax.vmap(lambda key: render(draw_scene(key, num_solids), side))(
            scene_keys
        )
        noise = noise_std * jax.random.normal(keys[1], view.image.shape)
        pixels = jnp.round(255.0 * jnp.clip(view.image + noise, 0.0, 1.0))
        labels, where = {}, {}
        for key, task in zip(keys[2:], TASKS, strict=True):
            label = getattr(view, task.name)
            known = jax.random.uniform(key, (batch_size, side, side)) >= missing
            where[task.name] = jnp.any(known, axis=(1, 2))
            known = known[..., None] if label.ndim == 4 else known
            none = -1 if task.kind == "segmentation" else jnp.nan
            labels[task.name] = jnp.where(known, label, none).astype(label.dtype)
        return Batch({"image": pixels.astype(jnp.uint8)}, labels, where)

    return sample


def _check(side: int, num_solids: int, missing: float) -> None:
    if side < 1 or num_solids < 1:
        raise ValueError(
            f"synthetic_scenes: expected side and num_solids of at least 1, found "
            f"{side} and {num_solids}."
        )
    if not 0.0 <= missing < 1.0:
        raise ValueError(
            f"synthetic_scenes: expected missing in [0, 1), found {missing}; it is the "
            f"share of pixels without a label."
        )
