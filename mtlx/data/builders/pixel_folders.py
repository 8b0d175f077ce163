"""Folders of numbered .npy arrays, one an image and kind of label, as MTAN has them."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mtlx.data.errors import DataError
from mtlx.data.folders import PathLike, data_folder

PARTS = ("train", "val")
SHOWN = 5  # file names in a message


class Kind(NamedTuple):
    """What the arrays of a folder are; `convert(array, path)` makes what is kept."""

    convert: Callable[[np.ndarray, Path], np.ndarray]
    dtype: type
    shape: tuple[int, ...] = ()  # beyond height and width, in the file
    kept: tuple[int, ...] = ()  # and as it is kept


class Folders(NamedTuple):
    """The files of a part: `folders[kind]/<n>.npy` for n from 0 to `rows` - 1."""

    folders: Mapping[str, Path]
    rows: int


def find_folders(
    name: str,
    data_dir: PathLike | None,
    choices: Mapping[str, Collection[str]],
) -> dict[str, Folders]:
    """The folders of the parts "train" and "val" below `data_dir`/`name`.

    Args:
        name: of the data set and its folder.
        data_dir: None means the variable MTLX_DATA_DIR.
        choices: kind -> names that its folder may have.

    Raises:
        DataError: no folder is named, one is not there, or not the same files are in
            all of them.
    """
    root = data_folder(data_dir)
    if root is None or not (root / name).is_dir():
        raise DataError(
            f"{name}: expected a folder {name}/ in the folder that data_dir or "
            f"MTLX_DATA_DIR names, found none in {root}. It is not downloaded: fetch "
            f"the preprocessed files (docs/data/{name}.md)."
        )
    return {part: _find_part(root / name / part, choices) for part in PARTS}


def _find_part(place: Path, choices: Mapping[str, Collection[str]]) -> Folders:
    folders = {}
    for kind, names in choices.items():
        found = [place / name for name in names if (place / name).is_dir()]
        if not found:
            raise DataError(
                f"{place}: expected a folder {' or '.join(names)} of .npy files, found "
                f"none. Fetch the preprocessed files again."
            )
        folders[kind] = found[0]
    rows = len(list(next(iter(folders.values())).glob("*.npy")))
    wanted = {f"{number}.npy" for number in range(max(rows, 1))}
    for folder in folders.values():
        there = {path.name for path in folder.glob("*.npy")}
        if there != wanted:
            odd = sorted(wanted ^ there)[:SHOWN]
            raise DataError(
                f"{folder}: expected the files 0.npy to {len(wanted) - 1}.npy, one an "
                f"image, found {len(there)} .npy files that differ in "
                f"{', '.join(odd)}. Fetch them again."
            )
    return Folders(folders, rows)


def read_arrays(
    part: Folders,
    kinds: Mapping[str, Kind],
    numbers: np.ndarray,
    sides: tuple[int, int] | None = None,
) -> dict[str, np.ndarray]:
    """kind -> [N, H, W, ...] of the files of these numbers, one after another.

    Args:
        part: where they are.
        kinds: what they are.
        numbers: [N], at least one.
        sides: H and W; None: those of the first image.

    Raises:
        DataError: a file is damaged, or of another shape or content.
    """
    sides = sides or _sides(next(iter(part.folders.values())) / f"{numbers[0]}.npy")
    arrays = {
        name: np.empty((len(numbers), *sides, *kind.kept), kind.dtype)
        for name, kind in kinds.items()
    }
    for name, kind in kinds.items():
        for row, number in enumerate(numbers):
            path = part.folders[name] / f"{number}.npy"
            array = _load(path)
            if array.shape != (*sides, *kind.shape) or array.dtype.kind not in "fiu":
                raise DataError(
                    f"{path}: expected numbers of shape {(*sides, *kind.shape)}, found "
                    f"{array.dtype} of shape {array.shape}; all images are of one "
                    f"size. Fetch the file again."
                )
            arrays[name][row] = kind.convert(array, path)
    return arrays


def _sides(path: Path) -> tuple[int, int]:
    shape = _load(path).shape
    if len(shape) < 2:
        raise DataError(
            f"{path}: expected an image of height and width, found an array of shape "
            f"{shape}. Fetch the file again."
        )
    return shape[:2]


def _load(path: Path) -> np.ndarray:
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise DataError(
            f"{path}: expected an array in NumPy's format, found a damaged file "
            f"({error}). Fetch it again."
        ) from error


def to_pixels(array: np.ndarray, path: Path) -> np.ndarray:
    """0 .. 1 as whole 255ths, uint8."""
    low, high = array.min(), array.max()
    if not (low >= 0 and high <= 1):
        raise DataError(
            f"{path}: expected pixels from 0 to 1, found {low:g} to {high:g}. Divide "
            f"the images by 255, or fetch the preprocessed files."
        )
    return np.rint(array * 255.0)


def to_classes(num_classes: int) -> Callable[[np.ndarray, Path], np.ndarray]:
    """Whole numbers from -1, which is none, to `num_classes` - 1."""

    def convert(array, path):
        odd = (array != np.rint(array)) | (array < -1) | (array >= num_classes)
        if odd.any():
            raise DataError(
                f"{path}: expected the classes 0 to {num_classes - 1}, and -1 for "
                f"none, found {array[odd][0]:g}. Fetch the files of {num_classes} "
                f"classes."
            )
        return array

    return convert


def to_depths(array: np.ndarray, path: Path) -> np.ndarray:
    """Numbers above 0; NaN where there is none."""
    del path
    return np.where(np.isfinite(array) & (array > 0), array, np.nan)[..., 0]


def to_normals(array: np.ndarray, path: Path) -> np.ndarray:
    """Vectors; NaN where all is 0."""
    del path
    known = np.isfinite(array).all(axis=-1) & (array != 0).any(axis=-1)
    return np.where(known[..., None], array, np.nan)
