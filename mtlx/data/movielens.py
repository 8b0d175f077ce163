"""What the editions of MovieLens have in common: who rated which film, and when."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mtlx.data.categorical import Categorical, Columns
from mtlx.data.dataset import Dataset
from mtlx.data.events import (
    EventLog,
    EventTask,
    choose_inputs,
    event_dataset,
    split_by_time,
    split_by_user,
)
from mtlx.data.inputs import Bag, Date, Ids, Input
from mtlx.data.labels import MISSING
from mtlx.data.named_tasks import named_tasks

SPLITS = ("time", "user", "random")
RANDOM_TEST = 0.2  # of the rows, in the random split
ITEM = ("item_id", "genres", "release_year")
HISTORY = ("item_id", "stars")
INPUTS: Mapping[str, Input] = {
    "user_id": Ids(),
    "timestamp": Date(parts=("hour", "weekday")),
    "item_id": Ids(),
    "genres": Bag(),
    "release_year": Ids(),
}


class Edition(NamedTuple):
    """What an edition of MovieLens has beside ratings."""

    name: str
    genres: tuple[str, ...]
    inputs: Mapping[str, Input] = INPUTS
    profile: Mapping[str, EventTask] = {}  # tasks that ask who the user is


def movielens(
    edition: Edition,
    columns: Columns,
    tasks: Sequence[str],
    split: str,
    split_seed: int,
    history: int,
    show_item: bool,
    cold_targets: str,
    inputs: Mapping[str, Input | None],
    unit_ratings: bool = False,
    liked: int | float | None = None,
) -> Dataset:
    """The data set of an edition; see `mtlx.data.movielens_100k`.

    Args:
        edition: its genres, inputs and tasks of the user's profile.
        columns: user_id, item_id, timestamp, stars (`Categorical`), genres (text,
            parted by "|"), release_year, and whatever the edition's inputs and tasks
            name; a row a rating.
        tasks, split, split_seed, history, show_item, cold_targets, inputs,
            unit_ratings, liked: see there.
    """
    chosen = named_tasks(edition.name, tasks, _tasks(edition))
    if liked is not None:
        chosen = tuple(
            task._replace(scored="liked") if task.name == "next_item" else task
            for task in chosen
        )
    profile = [task.name for task in chosen if task.name in edition.profile]
    _check_split(edition, split, profile)
    made = choose_inputs(edition.name, inputs, edition.inputs)
    if split == "user":
        made["user_id"] = None  # no user of training is in another split
    if profile:
        # Who somebody is is to be read from what they do, not from the rest of it.
        made |= dict.fromkeys(set(edition.inputs) - set(INPUTS))
    labels = _labels(columns, edition, unit_ratings, liked)
    log = _log(columns | labels, split, split_seed)
    return event_dataset(
        edition.name,
        log,
        chosen,
        made,
        ITEM,
        HISTORY,
        history,
        show_item,
        cold_targets,
    )


def _tasks(edition: Edition) -> dict[str, EventTask]:
    return {
        "rating": EventTask("rating", "regression", "rating"),
        "next_item": EventTask("next_item", "multiclass", "item_id", foretells=True),
        "interests": EventTask(
            "interests",
            "multilabel",
            "interests",
            foretells=True,
            classes=len(edition.genres),
        ),
        **edition.profile,
    }


def _check_split(edition: Edition, split: str, profile: Sequence[str]) -> None:
    if split not in SPLITS:
        raise ValueError(
            f"{edition.name}: expected split to be one of {SPLITS}, found {split!r}. "
            f"Mend data.split."
        )
    if profile and split != "user":
        raise ValueError(
            f"{edition.name}: expected split='user' for {', '.join(profile)}, found "
            f"{split!r}: a user of the training rows has the same label in all others. "
            f"Mend data.split or data.tasks."
        )


def _log(columns: Columns, split: str, seed: int) -> EventLog:
    # One order whatever that of the file: ties in time, and the random split.
    order = np.lexsort([columns[c] for c in ("item_id", "user_id", "timestamp")])
    columns = {
        name: column.take(order) if isinstance(column, Categorical) else column[order]
        for name, column in columns.items()
    }
    user, time = columns["user_id"], columns["timestamp"]
    past = np.ones(len(user), bool)
    if split == "time":
        masks = split_by_time(time)
    elif split == "user":
        masks = split_by_user(user, seed)
    else:
        masks = _at_random(len(user), seed)
        # What is tested lies between the training rows: no row may have seen it.
        past = masks[0]
    ids = {name: Categorical.of(columns[name]) for name in ("user_id", "item_id")}
    return EventLog(columns | ids, user, time, past, *masks)


def _at_random(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Training and test rows, and a tenth of the training rows again."""
    place = np.random.default_rng(seed).permutation(rows)
    end = rows - round(RANDOM_TEST * rows)
    return place < end, place < end // 10, place >= end


def _labels(
    columns: Columns, edition: Edition, unit_ratings: bool, liked: int | float | None
) -> Columns:
    stars, genres = columns["stars"], columns["genres"]
    given = stars.values.astype(np.float64)[stars.codes]
    tags = np.array(
        [
            [genre in text.split("|") for genre in edition.genres]
            for text in genres.values.tolist()
        ],
        np.int8,
    )
    tags[~tags.any(axis=1)] = MISSING  # a film whose genres are not known
    return {
        "rating": (given - 1) / 4 if unit_ratings else given,
        "liked": (given >= (-np.inf if liked is None else liked)).astype(np.int8),
        "interests": tags[genres.codes],
    }
