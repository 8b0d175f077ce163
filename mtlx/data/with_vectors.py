"""A data set with vectors from files beside its other inputs."""

from collections.abc import Mapping

import numpy as np

from mtlx.data.dataset import Dataset
from mtlx.data.errors import DataError
from mtlx.data.feed import num_rows
from mtlx.data.folders import PathLike
from mtlx.data.vector_file import read_vectors
from mtlx.types import Batch, Field

SPLITS = ("train", "validation", "test")


def with_vectors(
    dataset: Dataset,
    name: str,
    files: Mapping[str, PathLike],
    array: str | None = None,
) -> Dataset:
    """`dataset` with a field of vectors that another model made of its rows.

    Image or text features of a frozen network, for example: the encoder takes them as
    they are. In a data config `dataset` is a `_target_` of its own, so that any data
    set can be given any number of such fields.

    Args:
        dataset: whose three splits are in memory.
        name: of the field.
        files: split -> .npy or .npz file with one vector a row, in the order of the
            split's rows (`read_vectors`).
        array: its name in .npz files that hold several.

    Returns:
        The data set, with features[name] [B, D] memory-mapped from the files.

    Raises:
        DataError: a file is not there, is damaged, or has not one vector a row; splits
            whose vectors differ in width.
        ValueError: not one file for each split, a name that is taken, or a training
            split that is not in memory.
    """
    _check(dataset, name, files)
    splits = {split: getattr(dataset, split) for split in SPLITS}
    vectors = {
        split: read_vectors(files[split], num_rows(rows), array)
        for split, rows in splits.items()
    }
    widths = {split: found.shape[1] for split, found in vectors.items()}
    if len(set(widths.values())) > 1:
        raise DataError(
            f"Field {name!r}: expected vectors of one width (dimension 1) in all "
            f"splits, found {widths}. Make all with the same model."
        )
    field = Field(name, "vector", (widths["train"],))
    fields = (*dataset.schema.fields, field)
    return dataset._replace(
        schema=dataset.schema._replace(fields=fields),
        preprocessing=None,  # a row in no split has no vector here
        **{split: _with(splits[split], name, vectors[split]) for split in SPLITS},
    )


def _with(rows: Batch, name: str, vectors: np.ndarray) -> Batch:
    return rows._replace(features={**rows.features, name: vectors})


def _check(dataset: Dataset, name: str, files: Mapping[str, PathLike]) -> None:
    if set(files) != set(SPLITS):
        raise ValueError(
            f"with_vectors: expected a file for each of {SPLITS}, found "
            f"{sorted(files)}. Mend data.files."
        )
    if not isinstance(dataset.train, Batch):
        raise ValueError(
            f"with_vectors: expected a training split in memory, found a "
            f"{type(dataset.train).__name__}, whose rows have no numbers."
        )
    if name in dataset.train.features:
        raise ValueError(
            f"with_vectors: expected a field of a new name, found {name!r} among "
            f"{sorted(dataset.train.features)}. Rename it."
        )
