"""The columns of a split in one .npz file."""

import os
import zipfile
from pathlib import Path

import numpy as np

from mtlx.data.categorical import Categorical, Columns
from mtlx.data.errors import DataError

VALUES, CODES = ".values", ".codes"


def save_columns(path: Path, columns: Columns) -> None:
    """Writes `columns` to `path`, all of it or nothing."""
    arrays = {}
    for name, column in columns.items():
        if isinstance(column, Categorical):
            arrays[name + VALUES], arrays[name + CODES] = column
        else:
            arrays[name] = column
    # Runs of one sweep may write at the same time: each to a file of its own, and the
    # rename is atomic.
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with partial.open("wb") as file:
        np.savez(file, **arrays)
    partial.replace(path)


def load_columns(path: Path) -> Columns:
    """What `save_columns` wrote to `path`.

    Raises:
        DataError: the file is damaged.
    """
    try:
        # Opened here since np.load leaves a file that it cannot read open.
        with path.open("rb") as file, np.load(file) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (zipfile.BadZipFile, ValueError, EOFError, OSError) as error:
        raise DataError(
            f"{path}: expected columns prepared by mtlx, found a damaged file "
            f"({error}). Delete the folder {path.parent.parent} to have it made again."
        ) from error
    return {
        name.removesuffix(CODES): (
            Categorical(arrays[name.removesuffix(CODES) + VALUES], array)
            if name.endswith(CODES)
            else array
        )
        for name, array in arrays.items()
        if not name.endswith(VALUES)
    }
