"""The rows of KuaiRand-Pure's log, each once, with what is known of user and video."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mtlx.data.builders.kuairand_format import LOG
from mtlx.data.builders.kuairand_source import PUBLIC, ROWS, SAMPLE
from mtlx.data.categorical import Categorical, Columns
from mtlx.data.errors import DataError
from mtlx.data.folders import PathLike, cache_folder, data_folder
from mtlx.data.join import joined
from mtlx.data.prepared import prepared_columns
from mtlx.data.source import Source

FIRST_DAY, LAST_DAY = 20220425, 20220508
PARTS = ("first", "second", "log")  # of the log, in either edition
IMPRESSION = ("time_ms", "user_id", "video_id")  # two rows alike in these are one
IDS = ("user_id", "video_id", "tab")
HOUR_MS, CHINA = 3_600_000, 8  # hours that its clocks are ahead of UTC


def kuairand_rows(
    verify_rows: bool = True,
    data_dir: PathLike | None = None,
    cache_dir: PathLike | None = None,
) -> Columns:
    """The columns of the log from 25 April to 8 May 2022, joined with both tables.

    Rows are in the order of time; of those that repeat an impression (user, video and
    time) the first stays. Beside the columns of the files there is `hour`, 0 to 23 in
    China, of `time_ms`; `hourmin`, which may be an hour off, is not it.

    Args:
        verify_rows: whether the rows must be those of the sample.
        data_dir, cache_dir: as in `mtlx.data.kuairand`.

    Raises:
        DataError: a raw file is missing or not as it should be, the rows are not those
            of the sample, or a user or video of the log is in no table.
    """
    source = _edition(data_folder(data_dir), cache_folder(cache_dir))
    tables = prepared_columns(source, _prepare, data_dir, cache_dir)
    log = _sorted_log([tables[name] for name in source.splits if name in PARTS])
    if verify_rows:
        check_rows(log, source)
    rows = dict(zip(LOG.kinds, log.T, strict=True))
    key = np.stack([rows[name] for name in IMPRESSION])
    again = np.append(False, (key[:, 1:] == key[:, :-1]).all(axis=0))
    rows = {name: column[~again] for name, column in rows.items()}
    for table, key in (("users", "user_id"), ("videos", "video_id")):
        rows |= joined("KuaiRand", rows, tables[table], key)
    hour = Categorical.of((rows["time_ms"] // HOUR_MS + CHINA) % 24)
    return rows | {name: Categorical.of(rows[name]) for name in IDS} | {"hour": hour}


def check_rows(log: np.ndarray, source: Source) -> None:
    """Holds the rows of the log against those that the sample has.

    Args:
        log: [rows, 19], with repeats.
        source: where they are from.

    Raises:
        DataError: they are others.
    """
    ordered = log[np.lexsort(log.T[::-1])]
    found = hashlib.sha256(ordered.astype("<i8").tobytes()).hexdigest()
    if found != ROWS:
        raise DataError(
            f"{', '.join(source.splits.values())}: expected the 228,329 rows of 25 "
            f"April to 8 May 2022 on which docs/results/kuairand.md is made (digest "
            f"{ROWS[:12]}..), found {len(log):,} rows ({found[:12]}..). The published "
            f"archive has no checksum that we know of. Fetch it again, or set "
            f"data.verify_rows=false to take its rows as they are; results are then "
            f"not those of that page's data."
        )


def _edition(folder: Path | None, cache: Path) -> Source:
    """What the folder holds the log of, else what was prepared, else the archive."""
    if folder is not None:
        for source in (SAMPLE, PUBLIC):
            logs = [name for table, name in source.splits.items() if table in PARTS]
            places = (folder / source.raw_name, folder)
            if any(_holds(place, name) for place in places for name in logs):
                return source
    columns = SAMPLE.prepared(cache) / "columns"
    done = all((columns / f"{table}.npz").is_file() for table in SAMPLE.splits)
    return SAMPLE if done else PUBLIC


def _holds(place: Path, name: str) -> bool:
    return (place / name).is_file() or (place / f"{name}.gz").is_file()


def _sorted_log(parts: list[Columns]) -> np.ndarray:
    """[rows, 19] of the wanted days, by time; what is alike in that by all columns."""
    log = np.concatenate(
        [np.stack([part[name] for name in LOG.kinds], axis=1) for part in parts]
    ).astype(np.int64)
    names = list(LOG.kinds)
    day = log[:, names.index("date")]
    log = log[(day >= FIRST_DAY) & (day <= LAST_DAY)]
    order = [*IMPRESSION, *(name for name in names if name not in IMPRESSION)]
    return log[np.lexsort([log[:, names.index(name)] for name in reversed(order)])]


def _prepare(
    source: Source, files: Mapping[str, Path], cache: Path
) -> dict[str, Columns]:
    # Here, so that a load from the cache imports no reader of raw files.
    from mtlx.data.builders.kuairand_columns import prepare_kuairand

    return prepare_kuairand(source, files, cache)
