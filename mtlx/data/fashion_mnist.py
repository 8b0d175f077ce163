"""Fashion-MNIST: the category of a garment from its picture."""

import numpy as np

from mtlx.data.builders.mnist_source import SOURCES
from mtlx.data.dataset import Dataset
from mtlx.data.folders import PathLike
from mtlx.data.labelled_images import LabelledImages, read_images
from mtlx.tasks import Task
from mtlx.types import Batch, Field, Schema

CATEGORIES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
VALIDATION_ROWS = 10_000


def fashion_mnist(
    train_rows: int | None = None,
    data_dir: PathLike | None = None,
    cache_dir: PathLike | None = None,
) -> Dataset:
    """70,000 pictures of garments in ten categories, as a shop shows them.

    Trained on the first 50,000 images of the training file, validated on its last
    10,000, tested on the test file.

    Args:
        train_rows: of the training split, its first rows; None for all 50,000.
        data_dir: folder that holds fashion_mnist/; None means the variable
            MTLX_DATA_DIR. Where it is not, it is downloaded.
        cache_dir: folder for what is downloaded; None means the variable
            MTLX_CACHE_DIR, and without that ~/.cache/mtlx.

    Returns:
        A `Dataset` with the field "image" [B, 28, 28, 1] uint8 and the task "category".

    Raises:
        DataError: a raw file is missing, damaged, or not the published one.
        ValueError: more training rows than there are, or none.

    Reference: Xiao, Rasul, Vollgraf, "Fashion-MNIST: a Novel Image Dataset for
    Benchmarking Machine Learning Algorithms", arXiv:1708.07747. It has no validation
    split; ours is that of `mtlx.data.multi_mnist`.
    """
    read = read_images(SOURCES["fashion_mnist"], data_dir, cache_dir)
    available = len(read["train"].labels) - VALIDATION_ROWS
    if train_rows is not None and not 1 <= train_rows <= available:
        raise ValueError(
            f"fashion_mnist: expected train_rows from 1 to {available}, found "
            f"{train_rows}; null takes all. Mend data.train_rows."
        )
    kept = available if train_rows is None else train_rows
    return Dataset(
        name="fashion_mnist",
        tasks=(Task("category", "multiclass", num_classes=len(CATEGORIES)),),
        schema=Schema(fields=(Field("image", "image", (28, 28, 1)),)),
        train=_batch(read["train"].take(slice(kept))),
        validation=_batch(read["train"].take(slice(available, None))),
        test=_batch(read["test"]),
    )


def _batch(rows: LabelledImages) -> Batch:
    return Batch(
        features={"image": rows.images[..., None]},
        labels={"category": rows.labels.astype(np.int32)},
        where={"category": np.ones(len(rows.labels), bool)},
    )
