"""Two digits, or garments, on one canvas: tasks for each."""

from collections.abc import Sequence

import numpy as np

from mtlx.data.builders.mnist_source import SOURCES
from mtlx.data.dataset import Dataset
from mtlx.data.folders import PathLike
from mtlx.data.labelled_images import LabelledImages, read_images
from mtlx.data.overlay import SHIFT, overlay
from mtlx.tasks import Task
from mtlx.types import Batch, Field, Schema

CLASSIFY = {"left": 0, "right": 1}  # task -> the image that it is about
RECONSTRUCT = {"reconstruct_left": 0, "reconstruct_right": 1}
MEAN, STD = 0.1307, 0.3081  # of a pixel of MNIST, 0 to 1
PIXELS = 28 * 28
SIDE = 28 + SHIFT
VALIDATION_ROWS = 10_000
SPLITS = {  # split -> file, and which of its rows
    "train": ("train", slice(0, -VALIDATION_ROWS)),
    "validation": ("train", slice(-VALIDATION_ROWS, None)),
    "test": ("test", slice(None)),
}


def multi_mnist(
    left: str = "mnist",
    right: str = "mnist",
    tasks: Sequence[str] = ("left", "right"),
    size: int = 28,
    train_rows: int | None = None,
    seed: int = 0,
    data_dir: PathLike | None = None,
    cache_dir: PathLike | None = None,
) -> Dataset:
    """Which class has the image at the top left, which the one at the bottom right?

    One canvas of 36 x 36 for every image i of the left set, with i at its top left and
    an image j of the right set, drawn at random from the same split, at its bottom
    right; where they overlap the brighter pixel counts. Training on the first 50,000
    images of the training file, validation on its last 10,000, test on the test file.

    Args:
        left, right: "mnist" or "fashion_mnist"; the popular pairs are `multi_mnist`,
            `multi_fashion` (both garments) and `multi_fashion_mnist` (a digit and a
            garment).
        tasks: any of "left" and "right", the class of an image, "reconstruct_left" and
            "reconstruct_right", its 784 pixels before anything lay over it.
        size: side of the images: 36, or less for the pixels nearest to the places of a
            smaller grid.
        train_rows: of the training split, its first rows; None for all 50,000.
        seed: draws the partners.
        data_dir: folder that holds mnist/ and fashion_mnist/; None means the variable
            MTLX_DATA_DIR. Where they are not, they are downloaded.
        cache_dir: folder for what is downloaded; None means the variable
            MTLX_CACHE_DIR, and without that ~/.cache/mtlx.

    Returns:
        A `Dataset` with the field "image" [B, size, size, 1] uint8; tasks of ten
        classes, and tasks of the kind "vector" with pixels (x / 255 - .1307) / .3081,
        the scale of the inputs of the papers' networks.

    Raises:
        DataError: a raw file is missing, damaged, or not the published one.
        ValueError: an unknown set of images or task, a size outside 1 .. 36, or more
            training rows than there are.

    Reference: Sener, Koltun, "Multi-Task Learning as Multi-Objective Optimization",
    NeurIPS 2018, section 5.1, as its code does it: reduced to 28 x 28. Lin et al.,
    "Pareto Multi-Task Learning", NeurIPS 2019, leave 36 x 36 and draw 120,000 canvases.
    The split of the training file is that of Kurin et al., "In Defense of the Unitary
    Scalarization", NeurIPS 2022. Reconstruction: Gama, Grassi, "Uniform Loss vs.
    Specialized Optimization", 2025. No paper publishes its partners: accuracies of two
    draws differ by some tenths of a per cent.
    """
    _check(left, right, tuple(tasks), size)
    read = {
        name: read_images(SOURCES[name], data_dir, cache_dir) for name in (left, right)
    }
    _check_rows(train_rows, len(read[left]["train"].labels) - VALIDATION_ROWS)
    rng = np.random.default_rng(seed)
    splits = {}
    for split, (file, rows) in SPLITS.items():
        first, second = (read[name][file].take(rows) for name in (left, right))
        partners = rng.integers(0, len(second.labels), len(first.labels))
        # Only the rows that are kept are composed, of the same draw.
        kept = slice(train_rows if split == "train" else None)
        splits[split] = _batch(first.take(kept), second, partners[kept], tasks, size)
    return Dataset(
        name=_name(left, right),
        tasks=tuple(_task(name) for name in tasks),
        schema=Schema(fields=(Field("image", "image", (size, size, 1)),)),
        **splits,
    )


def _batch(
    first: LabelledImages,
    second: LabelledImages,
    partners: np.ndarray,
    tasks: Sequence[str],
    size: int,
) -> Batch:
    parts = (first, second.take(partners))
    images = overlay(*(part.images for part in parts), size)
    return Batch(
        features={"image": images[..., None]},
        labels={task: _label(task, parts) for task in tasks},
        where={task: np.ones(len(images), bool) for task in tasks},
    )


def _task(name: str) -> Task:
    if name in CLASSIFY:
        return Task(name, "multiclass", num_classes=10)
    return Task(name, "vector", num_values=PIXELS)


def _label(task: str, parts: tuple[LabelledImages, LabelledImages]) -> np.ndarray:
    if task in CLASSIFY:
        return parts[CLASSIFY[task]].labels.astype(np.int32)
    pixels = parts[RECONSTRUCT[task]].images.reshape(-1, PIXELS)
    return (pixels.astype(np.float32) / 255 - MEAN) / STD


def _name(left: str, right: str) -> str:
    if left == right:
        return {"mnist": "multi_mnist", "fashion_mnist": "multi_fashion"}[left]
    return "multi_fashion_mnist" if left == "mnist" else "multi_mnist_fashion"


def _check(left: str, right: str, tasks: tuple[str, ...], size: int) -> None:
    known = [*CLASSIFY, *RECONSTRUCT]
    if not tasks or not set(tasks) <= set(known) or len(set(tasks)) < len(tasks):
        raise ValueError(
            f"multi_mnist: expected data.tasks from {known}, each once, found "
            f"{list(tasks)}."
        )
    for side, name in (("left", left), ("right", right)):
        if name not in SOURCES:
            raise ValueError(
                f"multi_mnist: expected data.{side} to be one of {sorted(SOURCES)}, "
                f"found {name!r}."
            )
    if not 1 <= size <= SIDE:
        raise ValueError(f"multi_mnist: expected size from 1 to {SIDE}, found {size}.")


def _check_rows(train_rows: int | None, available: int) -> None:
    if train_rows is not None and not 1 <= train_rows <= available:
        raise ValueError(
            f"multi_mnist: expected train_rows from 1 to {available}, found "
            f"{train_rows}; null takes all."
        )
