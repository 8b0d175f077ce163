"""MovieLens' latest-small: 100,836 ratings of 22 years, free to be passed on."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mtlx.data.builders.movielens_latest_small_format import (
    GENRES,
    read_movielens_latest_small,
)
from mtlx.data.builders.movielens_latest_small_source import PUBLISHED
from mtlx.data.categorical import Categorical, Columns
from mtlx.data.dataset import Dataset
from mtlx.data.folders import PathLike
from mtlx.data.inputs import Input
from mtlx.data.join import joined
from mtlx.data.movielens import Edition, movielens
from mtlx.data.prepared import prepared_columns
from mtlx.data.source import Source

EDITION = Edition(name="movielens_latest_small", genres=GENRES)
YEAR = re.compile(r"\((\d{4})\)\s*$")


def movielens_latest_small(
    tasks: Sequence[str] = ("rating", "interests"),
    split: str = "time",
    split_seed: int = 42,
    history: int = 20,
    show_item: bool = False,
    cold_targets: str = "mask",
    inputs: Mapping[str, Input | None] | None = None,
    data_dir: PathLike | None = None,
    cache_dir: PathLike | None = None,
) -> Dataset:
    """100,836 ratings of 9,724 films by 610 people, March 1996 to September 2018.

    Tasks "rating" (0.5 to 5, regression), "next_item" and "interests" (19 genres,
    multilabel), as in `mtlx.data.movielens_100k`; nothing is known of the users.

    Args:
        tasks: from those above, each once.
        split, split_seed, history, show_item, cold_targets: as in `movielens_100k`.
        inputs: likewise; of user_id, timestamp, item_id, genres and release_year.
        data_dir: folder that holds movielens_latest_small/ or the files themselves, or
            ml-latest-small.zip; None means the variable MTLX_DATA_DIR. Where they are
            not, the published archive is downloaded.
        cache_dir: folder for the prepared form; None means the variable MTLX_CACHE_DIR,
            and without that ~/.cache/mtlx.

    Returns:
        A `Dataset` with features "categorical", "genres" (a bag) and "history", [B, L,
        2] int32.

    Raises:
        DataError, ValueError: as `movielens_100k`.

    Reference: Harper and Konstan, "The MovieLens Datasets: History and Context", ACM
    TiiS 5(4), 2015.
    """
    tables = prepared_columns(PUBLISHED, prepare, data_dir, cache_dir)
    return movielens(
        EDITION,
        _columns(tables),
        tasks,
        split,
        split_seed,
        history,
        show_item,
        cold_targets,
        inputs or {},
    )


def _columns(tables: Mapping[str, Columns]) -> Columns:
    ratings = tables["ratings"]
    rows = {
        "user_id": ratings["userId"],
        "item_id": ratings["movieId"],
        "timestamp": ratings["timestamp"],
        "stars": ratings["rating"],
    }
    return rows | joined(EDITION.name, rows, _films(tables["movies"]), "item_id")


def _films(table: Columns) -> Columns:
    """Genres, and the year at the end of the title, "" where there is none."""
    titles = table["title"]
    found = [YEAR.search(title) for title in titles.values.tolist()]
    years = np.array([match.group(1) if match else "" for match in found])
    return {
        "item_id": table["movieId"],
        "genres": table["genres"],
        "release_year": Categorical.of(years[titles.codes]),
    }


def prepare(
    source: Source, files: Mapping[str, Path], cache: Path
) -> dict[str, Columns]:
    """The two tables of the edition."""
    # Here, so that a load from the cache imports no reader of raw files.
    from mtlx.data.builders.tables import prepare_tables

    return prepare_tables(source, files, cache, read_movielens_latest_small)
