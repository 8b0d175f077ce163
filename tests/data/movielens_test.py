"""MovieLens on made-up files, against values worked out from their rows."""

import datetime

import numpy as np
import pytest

from mtlx.data import movielens_100k, movielens_latest_small
from mtlx.data.builders import movielens_100k_format as small
from mtlx.data.inputs import Ids
from mtlx.data.movielens_100k import EDITION
from tests.data.movielens_files import (
    FILMS,
    RATINGS,
    genres_of,
    made_up_ratings,
    profile_of,
    publish_100k,
    publish_latest,
    year_of,
)

SPLITS = ("train", "validation", "test")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    return publish_100k(tmp_path / "raw", monkeypatch)


@pytest.fixture
def archive(tmp_path, monkeypatch):
    return publish_latest(tmp_path, monkeypatch)


def ordered():
    """The ratings as rows of the log: by time, user and film."""
    return sorted(made_up_ratings(), key=lambda row: (row[3], row[0], row[1]))


def column(batch, data, name):
    return batch.features["categorical"][:, data.schema.names.index(name)]


def ids_of(texts):
    known = sorted({str(text) for text in texts})
    return {text: rank for rank, text in enumerate(known, start=1)}


def test_ratings_are_those_of_the_file_split_by_time(folder):
    data = movielens_100k(tasks="rating", history=4, data_dir=folder)
    rows = ordered()
    parts = [getattr(data, split) for split in SPLITS]
    sizes = [len(part.labels["rating"]) for part in parts]
    assert sum(sizes) == RATINGS
    edges = [rows[192][3], rows[216][3]]
    assert sizes[0] == sum(row[3] < edges[0] for row in rows)
    assert sizes[2] == sum(row[3] >= edges[1] for row in rows)
    train = rows[: sizes[0]]
    films, users = (ids_of(row[i] for row in train) for i in (1, 0))
    stars = ids_of(row[2] for row in train)
    start = 0
    for part in parts:
        mine = rows[start : start + len(part.labels["rating"])]
        start += len(mine)
        np.testing.assert_array_equal(part.labels["rating"], [row[2] for row in mine])
        for name, known, place in (("user_id", users, 0), ("item_id", films, 1)):
            expected = [known.get(str(row[place]), 0) for row in mine]
            np.testing.assert_array_equal(column(part, data, name), expected)
        for row, history in zip(mine, part.features["history"].tolist(), strict=True):
            seen = [r for r in rows if r[0] == row[0] and r[3] < row[3]][-4:]
            ids = [[films.get(str(r[1]), 0), stars[str(r[2])]] for r in seen]
            assert history == ids + [[-1, -1]] * (4 - len(seen))
    last = [row for row in rows if row[1] == FILMS]
    assert "15" not in films and last[0][3] >= edges[1]


def test_columns_of_films_people_and_time(folder):
    data = movielens_100k(tasks="rating", history=0, data_dir=folder)
    rows, batch = ordered(), data.train
    rows = rows[: len(batch.labels["rating"])]
    moments = [datetime.datetime.fromtimestamp(row[3], datetime.UTC) for row in rows]
    groups = [
        sum(profile_of(row[0])[0] >= edge for edge in (18, 25, 35, 45, 50, 56))
        for row in rows
    ]
    expected = {
        "gender": [profile_of(row[0])[1] for row in rows],
        "occupation": [profile_of(row[0])[2] for row in rows],
        "age_group": groups,
        "release_year": [year_of(row[1]) for row in rows],
    }
    for name, values in expected.items():
        known = ids_of(values)
        ids = [known[str(value)] for value in values]
        np.testing.assert_array_equal(column(batch, data, name), ids)
    hours = column(batch, data, "timestamp_hour")
    np.testing.assert_array_equal(hours, [1 + moment.hour for moment in moments])
    names = [small.GENRES[g] for row in rows for g in genres_of(row[1])]
    known = ids_of(names)
    for row, bag in zip(rows, batch.features["genres"].tolist(), strict=True):
        expected = {known[small.GENRES[genre]] for genre in genres_of(row[1])}
        assert set(bag) - {-1} == expected
    assert data.schema.personal == ("user_id", "item_id")


def test_interests_are_the_genres_of_the_film_that_comes(folder):
    data = movielens_100k(tasks=("next_item", "interests"), history=2, data_dir=folder)
    assert "item_id" not in data.schema.names
    assert "genres" not in data.test.features
    rows = ordered()
    edge = rows[216][3]
    rows = [
        row
        for row in rows
        if row[3] >= edge and any(r[0] == row[0] and r[3] < row[3] for r in rows)
    ]
    films = ids_of(row[1] for row in ordered() if row[3] < ordered()[192][3])
    labels, where = data.test.labels, data.test.where
    rows = [row for row in rows if genres_of(row[1]) or str(row[1]) in films]
    assert len(labels["interests"]) == len(rows)
    for number, row in enumerate(rows):
        assert where["interests"][number] == bool(genres_of(row[1]))
        assert where["next_item"][number] == (str(row[1]) in films)
        if where["interests"][number]:
            found = np.flatnonzero(labels["interests"][number]).tolist()
            assert found == genres_of(row[1])
        if where["next_item"][number]:
            assert labels["next_item"][number] == films[str(row[1])]
    assert not where["next_item"].all()


def test_rating_and_interests_are_two_rows_an_event(folder):
    data = movielens_100k(tasks=("rating", "interests"), data_dir=folder)
    rated, foretold = (data.train.where[task] for task in ("rating", "interests"))
    assert not (rated & foretold).any()
    assert (rated | foretold).all()
    items = column(data.train, data, "item_id")
    assert (items[rated] > 0).all()
    assert (items[foretold] == 0).all()
    assert (column(data.train, data, "release_year")[foretold] == 0).all()


def test_people_are_in_one_split_and_told_by_what_they_do(folder):
    tasks = ("age", "gender", "occupation", "rating")
    data = movielens_100k(tasks=tasks, split="user", data_dir=folder)
    known = {"user_id", "age_group", "gender", "occupation"}
    assert not known & set(data.schema.names)
    users = [set(part.groups) for part in (data.validation, data.test)]
    assert [len(part) for part in users] == [2, 2]
    assert not users[0] & users[1]
    assert len(data.train.labels["age"]) == sum(
        row[0] - 1 not in users[0] | users[1] for row in ordered()
    )
    for task, place, values in (
        ("gender", 1, ("M", "F")),
        ("occupation", 2, small.OCCUPATIONS),
    ):
        expected = [
            values.index(profile_of(1 + user)[place]) for user in data.test.groups
        ]
        np.testing.assert_array_equal(data.test.labels[task], expected)
    ages = [profile_of(1 + user)[0] for user in data.test.groups]
    np.testing.assert_array_equal(
        data.test.labels["age"], np.digitize(ages, (18, 25, 35, 45, 50, 56))
    )
    # Not even on request.
    asked = {"inputs": {"gender": Ids()}, "split": "user", "data_dir": folder}
    assert "gender" not in movielens_100k(tasks="gender", **asked).schema.names
    assert "gender" in movielens_100k(tasks="rating", **asked).schema.names


def test_the_random_split_tests_a_fifth_and_no_history_holds_it(folder):
    load = {"tasks": "rating", "split": "random", "history": 9, "data_dir": folder}
    data = movielens_100k(**load)
    sizes = [len(getattr(data, split).labels["rating"]) for split in SPLITS]
    assert sizes == [192, 19, 48]
    keys = {
        split: set(
            zip(
                column(getattr(data, split), data, "user_id").tolist(),
                column(getattr(data, split), data, "item_id").tolist(),
                strict=True,
            )
        )
        for split in SPLITS
    }
    assert keys["validation"] <= keys["train"]
    assert not keys["test"] & keys["train"]
    for split in SPLITS:
        batch = getattr(data, split)
        users, seen = column(batch, data, "user_id"), batch.features["history"][..., 0]
        pairs = {(u, i) for u, row in zip(users, seen, strict=True) for i in row}
        assert {pair for pair in pairs if pair[1] >= 0} <= keys["train"]
    again, other = movielens_100k(**load), movielens_100k(**load, split_seed=1)
    assert np.array_equal(data.test.labels["rating"], again.test.labels["rating"])
    assert not np.array_equal(data.test.labels["rating"], other.test.labels["rating"])


def test_users_and_films_alone_as_in_the_tutorial(folder):
    others = set(EDITION.inputs) - {"user_id", "item_id"}
    data = movielens_100k(
        tasks=("rating", "next_item"),
        split="random",
        history=0,
        show_item=True,
        inputs=dict.fromkeys(others),
        data_dir=folder,
    )
    assert data.schema.names == ("user_id", "item_id")
    assert data.schema.fields == ()
    ids = column(data.train, data, "item_id")
    np.testing.assert_array_equal(ids, data.train.labels["next_item"])
    assert data.train.where["rating"].all() and data.train.where["next_item"].all()


def test_latest_small_from_its_archive(archive):
    tasks = ("rating", "next_item", "interests")
    data = movielens_latest_small(tasks=tasks, show_item=True, data_dir=archive)
    rows = ordered()
    ratings = np.concatenate(
        [getattr(data, split).labels["rating"] for split in SPLITS]
    )
    np.testing.assert_array_equal(ratings, [row[2] / 2 for row in rows])
    assert data.tasks[2].num_classes == 19
    found = data.train.labels["interests"]
    for row, tags in zip(rows, found, strict=False):
        if row[1] != 1 and tags.any():
            assert np.flatnonzero(tags).tolist() == genres_of(row[1])
    years = {year_of(row[1]) for row in rows[: len(found)]}
    place = data.schema.names.index("release_year")
    assert data.schema.cardinalities[place] == len(years) + 1
    # Prepared before: without the raw files too.
    again = movielens_latest_small(tasks=tasks, show_item=True)
    assert np.array_equal(again.train.labels["rating"], data.train.labels["rating"])


def test_unit_ratings_and_only_films_that_were_liked_are_scored(folder):
    load = {
        "tasks": ("rating", "next_item"),
        "split": "random",
        "history": 0,
        "show_item": True,
        "data_dir": folder,
    }
    plain = movielens_100k(**load)
    data = movielens_100k(**load, unit_ratings=True, liked=5)
    for split in SPLITS:
        before, after = getattr(plain, split), getattr(data, split)
        stars = before.labels["rating"]
        np.testing.assert_allclose(after.labels["rating"], (stars - 1) / 4)
        assert before.where["next_item"].any() and after.where["rating"].all()
        counted = before.where["next_item"] & ((stars == 5) | (split == "train"))
        np.testing.assert_array_equal(after.where["next_item"], counted)
        assert split == "train" or not counted.all()
