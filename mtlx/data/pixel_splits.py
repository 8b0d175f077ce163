"""From folders of arrays to a data set with a label a pixel."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from mtlx.data.builders.pixel_folders import (
    Folders,
    Kind,
    find_folders,
    read_arrays,
    to_classes,
    to_depths,
    to_normals,
    to_pixels,
)
from mtlx.data.dataset import Augmented, Dataset
from mtlx.data.folders import PathLike
from mtlx.data.scale_crop import is_label, scale_crop
from mtlx.tasks import Task
from mtlx.types import Batch, Field, Schema

IMAGE = "image"
WATCHED = 16  # training rows in the place of a validation split that there is not


def pixel_splits(
    name: str,
    tasks: Sequence[Task],
    choices: Mapping[str, Collection[str]],
    published: tuple[int, int],
    validation_rows: int,
    augment: bool,
    seed: int,
    data_dir: PathLike | None,
) -> Dataset:
    """Training and validation rows of the part "train", test rows of the part "val".

    Args:
        name: of the data set and of its folder.
        tasks: named "segmentation", "depth" or "normals".
        choices: "image" and each task -> names that its folder may have.
        published: rows of the two parts in the files that are known.
        validation_rows: drawn from the training part; 0: none is held out, and the
            first 16 training rows are scored in their place.
        augment: whether training rows are changed by `scale_crop`.
        seed: of the draw.
        data_dir: see `find_folders`.

    Raises:
        DataError: a folder or file is missing, or not as it should be.
        ValueError: validation rows below 0, or no fewer than there are to train on.
    """
    names = [IMAGE, *(task.name for task in tasks)]
    parts = find_folders(name, data_dir, {key: choices[key] for key in names})
    train, validation = _draw(name, parts["train"].rows, validation_rows, seed)
    kinds = {IMAGE: Kind(to_pixels, np.uint8, (3,), (3,))}
    kinds |= {task.name: _kind(task) for task in tasks}
    rows = _batch(read_arrays(parts["train"], kinds, train))
    shape = rows.features[IMAGE].shape[1:]

    def read(part: Folders, numbers: np.ndarray) -> Batch:
        return _batch(read_arrays(part, kinds, numbers, shape[:2]))

    found = (parts["train"].rows, parts["val"].rows)
    return Dataset(
        name=name,
        tasks=tuple(tasks),
        schema=Schema(fields=(Field(IMAGE, "image", shape),)),
        train=Augmented(rows, scale_crop) if augment else rows,
        validation=read(parts["train"], validation),
        test=read(parts["val"], np.arange(found[1])),
        notes=_notes(name, found, published),
    )


def _draw(
    name: str, total: int, validation_rows: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the training and of the validation rows, ascending."""
    if not 0 <= validation_rows < total:
        raise ValueError(
            f"{name}: expected validation_rows from 0 to {total - 1}, found "
            f"{validation_rows}; they are taken from the {total} training rows."
        )
    if not validation_rows:
        return np.arange(total), np.arange(min(WATCHED, total))
    order = np.random.default_rng(seed).permutation(total)
    return np.sort(order[validation_rows:]), np.sort(order[:validation_rows])


def _kind(task: Task) -> Kind:
    if task.kind == "segmentation":
        return Kind(to_classes(task.num_classes), np.int8)
    if task.kind == "depth":
        return Kind(to_depths, np.float32, (1,))
    return Kind(to_normals, np.float32, (3,), (3,))


def _batch(arrays: dict[str, np.ndarray]) -> Batch:
    labels = {key: array for key, array in arrays.items() if key != IMAGE}
    where = {
        key: is_label(array).any(axis=tuple(range(1, array.ndim)))
        for key, array in labels.items()
    }
    return Batch({IMAGE: arrays[IMAGE]}, labels, where)


def _notes(
    name: str, found: tuple[int, int], published: tuple[int, int]
) -> tuple[str, ...]:
    if found == published:
        return ()
    return (
        f"{name}: {found[0]} and {found[1]} images in train and val, where the "
        f"published files have {published[0]} and {published[1]}.",
    )
