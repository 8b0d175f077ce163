"""CelebA's images decoded once, as arrays in the cache that are mapped when read."""

import contextlib
import functools
import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mtlx.data.builders.celeba_format import (
    SPLITS,
    decode,
    parse_attributes,
    parse_partition,
)
from mtlx.data.builders.prepared_arrays import prepared_arrays
from mtlx.data.errors import DataError
from mtlx.data.folders import PathLike, data_folder

VERSION = "1.0.0"
FOLDERS = ("celeba", "CelebA")
# As torchvision lays the files out, and as the published drive does.
PLACES = {
    "list_attr_celeba.txt": ("", "Anno"),
    "list_eval_partition.txt": ("", "Eval"),
    "img_align_celeba": ("", "Img"),
}
BLOCK = 1024  # images decoded at a time


class Raw(NamedTuple):
    """Where the published files are."""

    attributes: Path
    partition: Path
    images: Path  # a folder, or a .zip of it


def find_celeba(data_dir: PathLike | None) -> Raw:
    """The files in `data_dir`/celeba, or in `data_dir` itself.

    Raises:
        DataError: no folder is named, or it lacks one of them.
    """
    root = data_folder(data_dir)
    lacking = list(PLACES)
    for place in (*(root / name for name in FOLDERS), root) if root else ():
        found = {name: _first(place, name) for name in PLACES}
        if all(found.values()):
            return Raw(*found.values())
        absent = [name for name, path in found.items() if path is None]
        lacking = min(lacking, absent, key=len)
    raise DataError(
        f"celeba: expected list_attr_celeba.txt, list_eval_partition.txt and "
        f"img_align_celeba (a folder or .zip) in {FOLDERS[0]}/ in the folder that "
        f"data_dir or MTLX_DATA_DIR names, found no {', '.join(lacking)} in {root}. "
        f"They are not downloaded: fetch them from where they are published "
        f"(docs/data/celeba.md)."
    )


def prepared_celeba(
    raw: Raw, size: int, cache_dir: PathLike | None = None
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Split -> images uint8 [N, size, size, 3], mapped, and labels uint8 [N, 40].

    Raises:
        DataError: as `celeba_format`, or an image that is not there.
    """
    make = functools.partial(_prepare, raw, size)
    place = prepared_arrays("celeba", VERSION, raw, make, cache_dir, str(size))
    return {
        split: (
            np.load(place / f"{split}.npy", mmap_mode="r"),
            np.load(place / f"{split}_labels.npy"),
        )
        for split in SPLITS
    }


def _prepare(raw: Raw, size: int, folder: Path) -> None:
    names, labels = parse_attributes(raw.attributes.read_text(), raw.attributes)
    partition = parse_partition(raw.partition.read_text(), raw.partition, names)
    with _reader(raw.images) as read, ThreadPoolExecutor(os.cpu_count()) as pool:
        for number, split in enumerate(SPLITS):
            rows = np.flatnonzero(partition == number)
            np.save(folder / f"{split}_labels.npy", labels[rows])
            images = np.lib.format.open_memmap(
                folder / f"{split}.npy", "w+", np.uint8, (len(rows), size, size, 3)
            )
            for start in range(0, len(rows), BLOCK):
                chosen = [names[row] for row in rows[start : start + BLOCK]]
                files = [read(name) for name in chosen]
                paths = [raw.images / name for name in chosen]
                decoded = pool.map(decode, files, paths, [size] * len(files))
                images[start : start + BLOCK] = list(decoded)
            images.flush()


@contextlib.contextmanager
def _reader(images: Path) -> Iterator[Callable[[str], bytes]]:
    """name -> its bytes, from a folder or from an archive of one."""
    with contextlib.ExitStack() as stack:
        if images.is_dir():
            fetch, missing = (lambda name: (images / name).read_bytes()), OSError
        else:
            try:
                archive = stack.enter_context(zipfile.ZipFile(images))
            except zipfile.BadZipFile as error:
                raise DataError(
                    f"{images}: expected a zip file, found a damaged one ({error}). "
                    f"Fetch it again."
                ) from error
            inside = {name.rsplit("/", 1)[-1]: name for name in archive.namelist()}
            fetch, missing = (lambda name: archive.read(inside[name])), KeyError

        def read(name):
            try:
                return fetch(name)
            except missing as error:
                raise DataError(
                    f"{images}: expected the image {name}, which list_attr_celeba.txt "
                    f"names, found none. Unpack, or fetch, img_align_celeba.zip again."
                ) from error

        yield read


def _first(place: Path, name: str) -> Path | None:
    options: Sequence[Path] = [place / folder / name for folder in PLACES[name]]
    if not name.endswith(".txt"):
        options = [*options, *(path.with_suffix(".zip") for path in options)]
    return next((path for path in options if path.exists()), None)
