"""NYUv2: rooms, their 13 kinds of things, depth and surface normals."""

from collections.abc import Sequence

from mtlx.data.dataset import Dataset
from mtlx.data.folders import PathLike
from mtlx.data.named_tasks import named_tasks
from mtlx.data.pixel_splits import pixel_splits
from mtlx.tasks import Task

TASKS = {
    "segmentation": Task("segmentation", "segmentation", num_classes=13),
    "depth": Task("depth", "depth"),
    "normals": Task("normals", "normals"),
}
FOLDERS = {
    "image": ("image",),
    "segmentation": ("label",),
    "depth": ("depth",),
    "normals": ("normal",),
}
PUBLISHED_ROWS = (795, 654)


def nyuv2(
    tasks: Sequence[str] = ("segmentation", "depth", "normals"),
    validation_rows: int = 80,
    augment: bool = True,
    seed: int = 0,
    data_dir: PathLike | None = None,
) -> Dataset:
    """What is at a pixel of a room, how far away it is, and where its surface faces.

    The files that MTAN's authors preprocessed, 288 x 384 pixels, which LibMTL, CAGrad,
    Nash-MTL and FAMO use too: `nyuv2/{train,val}/{image,label,depth,normal}/<n>.npy`
    with arrays [H, W, 3] of 0 .. 1, [H, W] of -1 .. 12, [H, W, 1] in metres and
    [H, W, 3] of unit vectors. A pixel with class -1, depth 0 or a normal of zeros has
    none: the public codes leave out the same. H and W are those of the first image.

    Args:
        tasks: from "segmentation", "depth" and "normals"; no others are read.
        validation_rows: drawn from the 795 training images. 0 holds none out, for the
            published protocol, which has no validation split: then the first 16
            training images are scored after each epoch, and trainer.keep=last is due.
        augment: train on random enlarged parts (`mtlx.data.scale_crop`).
        seed: draws the validation rows.
        data_dir: folder that holds nyuv2/; None means the variable MTLX_DATA_DIR.

    Returns:
        A `Dataset` with the field "image" [B, H, W, 3] uint8, pixels rounded to whole
        255ths (2 GB of training rows in place of 3), and labels "segmentation"
        [B, H, W] int8 (-1: none), "depth" [B, H, W] and "normals" [B, H, W, 3] float32
        (NaN: none). The test split is the published one, 654 images of `val`.

    Raises:
        DataError: the folder or a file is missing, or is not as it should be.
        ValueError: an unknown task, or too many validation rows.

    Reference: Silberman et al., "Indoor Segmentation and Support Inference from RGBD
    Images", ECCV 2012 (the data); Couprie et al., "Indoor Semantic Segmentation using
    Depth Information", ICLR 2013 (13 classes); Liu, Johns, Davison, "End-to-End
    Multi-Task Learning with Attention", CVPR 2019 (these files). We had no copy: tested
    on made-up files of this format.
    """
    return pixel_splits(
        "nyuv2",
        named_tasks("nyuv2", tasks, TASKS),
        FOLDERS,
        PUBLISHED_ROWS,
        validation_rows,
        augment,
        seed,
        data_dir,
    )
