"""Images with one label each, from the files of a source."""

from typing import NamedTuple

import numpy as np

from mtlx.data.builders.mnist_source import PARTS
from mtlx.data.errors import DataError
from mtlx.data.folders import PathLike, cache_folder, data_folder
from mtlx.data.idx import parse_idx
from mtlx.data.raw_files import find_files, read_verified
from mtlx.data.source import Source


class LabelledImages(NamedTuple):
    """Rows of a split."""

    images: np.ndarray  # [N, H, W] uint8
    labels: np.ndarray  # [N] uint8

    def take(self, rows: slice | np.ndarray) -> "LabelledImages":
        """Some of the rows."""
        return LabelledImages(self.images[rows], self.labels[rows])


def read_images(
    source: Source, data_dir: PathLike | None, cache_dir: PathLike | None
) -> dict[str, LabelledImages]:
    """{split: its images and labels} of a source in MNIST's format.

    Args:
        source: its files.
        data_dir: folder with the raw files; None means the variable MTLX_DATA_DIR.
            Where they are not, they are downloaded.
        cache_dir: folder for what is downloaded; None means the variable
            MTLX_CACHE_DIR, and without that ~/.cache/mtlx.

    Raises:
        DataError: a raw file is missing, damaged, or not the published one.
    """
    files = find_files(source, data_folder(data_dir))
    if not files:
        # Here, so that a load from a folder does not import TFDS.
        from mtlx.data.builders.download_files import download_files

        files = download_files(source, cache_folder(cache_dir))

    def read(name):
        return parse_idx(read_verified(source, name, files[name]), files[name])

    splits = {}
    for split, stem in source.splits.items():
        rows = LabelledImages(*(read(f"{stem}-{part}") for part in PARTS))
        if rows.images.ndim != 3 or rows.labels.shape != rows.images.shape[:1]:
            raise DataError(
                f"{source.name}, {split}: expected images [N, H, W] and labels [N], "
                f"found {rows.images.shape} and {rows.labels.shape}."
            )
        splits[split] = rows
    return splits
