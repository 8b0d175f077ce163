"""CelebA: forty attributes of 202,599 faces of celebrities."""

from collections.abc import Sequence

import numpy as np

from mtlx.data.builders.celeba_format import ATTRIBUTES, HEIGHT, SPLITS
from mtlx.data.builders.celeba_prepared import find_celeba, prepared_celeba
from mtlx.data.dataset import Dataset
from mtlx.data.errors import DataError
from mtlx.data.folders import PathLike
from mtlx.data.named_tasks import task_names
from mtlx.tasks import Task
from mtlx.types import Batch, Field, Schema


def celeba(
    tasks: Sequence[str] | None = None,
    size: int = 64,
    metrics: Sequence[str] = ("f1", "accuracy"),
    data_dir: PathLike | None = None,
    cache_dir: PathLike | None = None,
) -> Dataset:
    """Which attributes has the face? 162,770 / 19,867 / 19,962 images, as published.

    The first call decodes and shrinks all images into the cache (2.5 GB at 64 x 64);
    later ones map them.

    Args:
        tasks: names of attributes, e.g. ("Smiling", "Young"); None means all forty.
        size: side that the aligned images of 178 x 218 are shrunk to, both sides alike.
        metrics: of every task; the first selects the epoch.
        data_dir: folder that holds celeba/ with list_attr_celeba.txt,
            list_eval_partition.txt and img_align_celeba (a folder or .zip), also in
            Anno/, Eval/ and Img/, or these themselves. None means the variable
            MTLX_DATA_DIR.
        cache_dir: folder for the prepared form; None means the variable MTLX_CACHE_DIR,
            and without that ~/.cache/mtlx.

    Returns:
        A `Dataset` with the field "image" [B, size, size, 3] uint8 and a binary task
        for each attribute.

    Raises:
        DataError: a file is not there, or not as it should be; a split without images.
        ValueError: an unknown or repeated task, or none; a size outside 1 .. 218.

    Reference: Liu, Luo, Wang, Tang, "Deep Learning Face Attributes in the Wild", ICCV
    2015. 64 x 64 and F1 are those of Liu et al., "FAMO: Fast Adaptive Multitask
    Optimization", NeurIPS 2023; accuracy that of Kurin et al., "In Defense of the
    Unitary Scalarization", NeurIPS 2022.
    """
    chosen = task_names("celeba", ATTRIBUTES if tasks is None else tasks, ATTRIBUTES)
    if not 1 <= size <= HEIGHT:
        raise ValueError(f"celeba: expected size from 1 to {HEIGHT}, found {size}.")
    raw = find_celeba(data_dir)
    arrays = prepared_celeba(raw, size, cache_dir)
    for split, (images, _) in arrays.items():
        if not len(images):
            raise DataError(
                f"{raw.partition}: expected images of each split, found none for "
                f"{split} ({SPLITS.index(split)}). Fetch the file again."
            )
    return Dataset(
        "celeba",
        tuple(Task(name, "binary", metrics=tuple(metrics)) for name in chosen),
        Schema(fields=(Field("image", "image", (size, size, 3)),)),
        *(_batch(*arrays[split], chosen) for split in SPLITS),
    )


def _batch(images: np.ndarray, labels: np.ndarray, chosen: tuple[str, ...]) -> Batch:
    where = np.ones(len(images), bool)
    return Batch(
        {"image": images},
        {name: labels[:, ATTRIBUTES.index(name)].astype(np.float32) for name in chosen},
        dict.fromkeys(chosen, where),
    )
