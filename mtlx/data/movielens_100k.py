"""MovieLens-100K: how 943 people rated films, what they turn to next, who they are."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mtlx.data.builders.movielens_100k_format import (
    GENRES,
    OCCUPATIONS,
    read_movielens_100k,
)
from mtlx.data.builders.movielens_100k_source import PUBLISHED
from mtlx.data.categorical import Categorical, Columns
from mtlx.data.dataset import Dataset
from mtlx.data.events import EventTask
from mtlx.data.folders import PathLike
from mtlx.data.inputs import Ids, Input
from mtlx.data.join import joined
from mtlx.data.movielens import INPUTS, Edition, movielens
from mtlx.data.prepared import prepared_columns
from mtlx.data.source import Source

AGE_GROUPS = (18, 25, 35, 45, 50, 56)  # the first year of each but the youngest
EDITION = Edition(
    name="movielens_100k",
    genres=GENRES,
    inputs={**INPUTS, "age_group": Ids(), "gender": Ids(), "occupation": Ids()},
    profile={
        "age": EventTask("age", "multiclass", "age_number", classes=7),
        "gender": EventTask("gender", "binary", "is_female"),
        "occupation": EventTask(
            "occupation", "multiclass", "occupation_number", classes=len(OCCUPATIONS)
        ),
    },
)


def movielens_100k(
    tasks: Sequence[str] = ("rating", "interests"),
    split: str = "time",
    split_seed: int = 42,
    history: int = 20,
    show_item: bool = False,
    cold_targets: str = "mask",
    inputs: Mapping[str, Input | None] | None = None,
    unit_ratings: bool = False,
    liked: int | float | None = None,
    data_dir: PathLike | None = None,
    cache_dir: PathLike | None = None,
) -> Dataset:
    """100,000 ratings of 1,682 films by 943 people, September 1997 to April 1998.

    "rating" (1 to 5, regression) is of the film that the row shows. "next_item" (which
    film: the ids of the training rows) and "interests" (its 18 genres, multilabel) are
    foretold from the past: their rows show no film, so with "rating" beside them an
    event is two rows. "age" (seven groups), "gender" (1 is female) and "occupation"
    (21) are read from films and history alone, and asked of other people only.

    Args:
        tasks: from those above, each once.
        split: "time", the first 80 % of the ratings for training, the next 10 % for
            validation; "user", so many of the users; "random", 80,000 ratings for
            training, 20,000 for the test, and 8,000 of the training rows again for
            validation (see the data card).
        split_seed: draws the users or rows of the latter two.
        history: how many earlier ratings of the user a row has, film and stars, at
            most; 0 for none. In the random split they are of training rows alone.
        show_item: whether the rows of "next_item" and "interests" show the film: for
            models that keep its columns away from these tasks, as two towers do.
        cold_targets: what becomes of a "next_item" that no training row has: "mask",
            the row does not count; "miss", its label is 0, which no training row has.
        inputs: column -> an input of `mtlx.data.inputs` in place of the default, or
            None to leave it out; of user_id, timestamp, item_id, genres, release_year,
            age_group, gender and occupation.
        unit_ratings: whether "rating" is (stars - 1) / 4, so from 0 to 1.
        liked: stars from which an event of the validation and test splits counts for
            "next_item"; None: all do, as all of the training split do.
        data_dir: folder that holds movielens_100k/ or the files themselves, or
            ml-100k.zip; None means the variable MTLX_DATA_DIR. Where they are not, the
            published archive is downloaded.
        cache_dir: folder for the prepared form; None means the variable MTLX_CACHE_DIR,
            and without that ~/.cache/mtlx.

    Returns:
        A `Dataset` with features "categorical", "genres" (a bag) and "history", [B, L,
        2] int32.

    Raises:
        DataError: a raw file is missing, damaged, or not the published one.
        ValueError: an unknown or repeated task, or none; another split, or a task of
            the user's profile without split="user"; a history below 0; an input of no
            such column.

    Reference: Harper and Konstan, "The MovieLens Datasets: History and Context", ACM
    TiiS 5(4), 2015. The random split has the sizes of the multi-task tutorials of
    TensorFlow Recommenders and KerasRS, not their rows, which come from TensorFlow's
    own shuffle; `unit_ratings` and `liked=5` are KerasRS's.
    """
    tables = prepared_columns(PUBLISHED, prepare, data_dir, cache_dir)
    made = {
        "tasks": tasks,
        "split": split,
        "split_seed": split_seed,
        "history": history,
        "show_item": show_item,
        "cold_targets": cold_targets,
        "inputs": inputs or {},
        "unit_ratings": unit_ratings,
        "liked": liked,
    }
    return movielens(EDITION, _columns(tables), **made)


def _columns(tables: Mapping[str, Columns]) -> Columns:
    ratings, owner = tables["ratings"], EDITION.name
    rows = {name: ratings[name] for name in ("user_id", "item_id", "timestamp")}
    rows["stars"] = ratings["rating"]
    users = joined(owner, rows, _users(tables["users"]), "user_id")
    return rows | users | joined(owner, rows, _films(tables["movies"]), "item_id")


def _films(table: Columns) -> Columns:
    """Genres as one text, and the year of release, "" where it is not known."""
    flags = np.stack([table[genre] for genre in GENRES], axis=1) == 1
    texts = ["|".join(np.array(GENRES)[row].tolist()) for row in flags]
    dates = table["release_date"]
    years = np.array([date[-4:] for date in dates.values.tolist()])[dates.codes]
    return {
        "item_id": table["item_id"],
        "genres": Categorical.of(np.array(texts)),
        "release_year": Categorical.of(years),
    }


def _users(table: Columns) -> Columns:
    group = np.digitize(table["age"], AGE_GROUPS)
    gender, occupation = table["gender"], table["occupation"]
    number = np.array([OCCUPATIONS.index(v) for v in occupation.values.tolist()])
    return {
        "user_id": table["user_id"],
        "age_group": Categorical.of(group),
        "gender": gender,
        "occupation": occupation,
        "age_number": group,
        "is_female": gender.isin(("F",)).astype(np.int8),
        "occupation_number": number[occupation.codes],
    }


def prepare(
    source: Source, files: Mapping[str, Path], cache: Path
) -> dict[str, Columns]:
    """The three tables of the edition."""
    # Here, so that a load from the cache imports no reader of raw files.
    from mtlx.data.builders.tables import prepare_tables

    return prepare_tables(source, files, cache, read_movielens_100k)
