"""Cityscapes: streets, the kinds of things in them, and their inverse depth."""

from collections.abc import Sequence

from mtlx.data.dataset import Dataset
from mtlx.data.folders import PathLike
from mtlx.data.named_tasks import named_tasks
from mtlx.data.pixel_splits import pixel_splits
from mtlx.tasks import Task

CLASSES = (2, 7, 19)
PUBLISHED_ROWS = (2975, 500)


def cityscapes(
    tasks: Sequence[str] = ("segmentation", "depth"),
    num_classes: int = 7,
    validation_rows: int = 300,
    augment: bool = True,
    seed: int = 0,
    data_dir: PathLike | None = None,
) -> Dataset:
    """What is at a pixel of a street, and how near it is.

    The files that MTAN's authors preprocessed, 128 x 256 pixels (or 256 x 512), which
    CAGrad and FAMO use too: `cityscapes/{train,val}/{image,label_7,depth}/<n>.npy` with
    arrays [H, W, 3] of 0 .. 1, [H, W] of -1 .. 6 and [H, W, 1]; `label_2` and
    `label_19` lie beside them. Depth is inverse depth, the scaled disparity from 0 to
    about .5. A pixel with class -1 or depth 0 has none: the public codes leave out the
    same. H and W are those of the first image.

    Args:
        tasks: from "segmentation" and "depth"; no others are read.
        num_classes: 2, 7 or 19. LibMTL's copy has `label` in place of `label_7`.
        validation_rows: drawn from the 2,975 training images. 0 holds none out, for the
            published protocol, which has no validation split: then the first 16
            training images are scored after each epoch, and trainer.keep=last is due.
        augment: train on random enlarged parts (`mtlx.data.scale_crop`). As in the
            public codes "depth" is divided by the scale there, though it is inverse.
        seed: draws the validation rows.
        data_dir: folder that holds cityscapes/; None means the variable MTLX_DATA_DIR.

    Returns:
        A `Dataset` with the field "image" [B, H, W, 3] uint8, pixels rounded to whole
        255ths, and labels "segmentation" [B, H, W] int8 (-1: none) and "depth"
        [B, H, W] float32 (NaN: none). The test split is the published one, 500 images
        of `val`.

    Raises:
        DataError: the folder or a file is missing, or is not as it should be.
        ValueError: an unknown task or number of classes, or too many validation rows.

    Reference: Cordts et al., "The Cityscapes Dataset for Semantic Urban Scene
    Understanding", CVPR 2016 (the data); Liu, Johns, Davison, "End-to-End Multi-Task
    Learning with Attention", CVPR 2019 (these files). We had no copy: tested on made-up
    files of this format.
    """
    if num_classes not in CLASSES:
        raise ValueError(
            f"cityscapes: expected num_classes to be one of {CLASSES}, found "
            f"{num_classes}. Mend data.num_classes."
        )
    known = {
        "segmentation": Task("segmentation", "segmentation", num_classes=num_classes),
        "depth": Task("depth", "depth"),
    }
    named = (f"label_{num_classes}", *(("label",) if num_classes == 7 else ()))
    return pixel_splits(
        "cityscapes",
        named_tasks("cityscapes", tasks, known),
        {"image": ("image",), "segmentation": named, "depth": ("depth",)},
        PUBLISHED_ROWS,
        validation_rows,
        augment,
        seed,
        data_dir,
    )
