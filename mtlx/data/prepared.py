"""Columns of a data set: read from the cache, or prepared once."""

from collections.abc import Callable, Mapping
from pathlib import Path

from mtlx.data.categorical import Columns
from mtlx.data.column_store import load_columns, save_columns
from mtlx.data.folders import PathLike, cache_folder, data_folder
from mtlx.data.raw_files import find_files, read_verified
from mtlx.data.source import Source
from mtlx.data.stamps import Stamps

# (source, raw files by name or {} to download them, cache folder) -> split -> columns
Prepare = Callable[[Source, Mapping[str, Path], Path], Mapping[str, Columns]]


def prepared_columns(
    source: Source,
    prepare: Prepare,
    data_dir: PathLike | None = None,
    cache_dir: PathLike | None = None,
) -> dict[str, Columns]:
    """The columns of every split of `source`.

    The first call prepares them from the raw files and keeps them in the cache. A later
    call reads the cache alone; only a raw file that it has not seen before, or that was
    changed since, is held against its digest again.

    Args:
        source: the raw files and their digests.
        prepare: makes the columns; called where the cache does not hold them.
        data_dir: folder with the raw files; None means the variable MTLX_DATA_DIR, and
            without that they are downloaded.
        cache_dir: folder for the prepared form; None means the variable MTLX_CACHE_DIR,
            and without that ~/.cache/mtlx.

    Raises:
        DataError: a raw file is missing, damaged, or not the published one.
    """
    cache, files = cache_folder(cache_dir), find_files(source, data_folder(data_dir))
    store = source.prepared(cache) / "columns"
    paths = {split: store / f"{split}.npz" for split in source.splits}
    stamps = Stamps(store / "verified.json")
    if all(path.is_file() for path in paths.values()):
        _verify(source, files, stamps)
        return {split: load_columns(path) for split, path in paths.items()}
    columns = dict(prepare(source, files, cache))
    store.mkdir(parents=True, exist_ok=True)
    for split, path in paths.items():
        save_columns(path, columns[split])
    stamps.add(files.values())
    return columns


def _verify(source: Source, files: Mapping[str, Path], stamps: Stamps):
    """Holds the raw files that the cache was not made from against their digests."""
    unseen = stamps.unseen(files.values())
    for name, path in files.items():
        if path in unseen:
            read_verified(source, name, path)
    if unseen:
        stamps.add(unseen)
