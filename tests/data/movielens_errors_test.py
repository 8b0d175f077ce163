"""Every way in which MovieLens' files can be wrong ends with an error."""

import zipfile

import pytest

from mtlx.data import DataError, movielens_100k, movielens_latest_small
from mtlx.data.builders import movielens_100k_format as small
from mtlx.data.builders.movielens_latest_small_source import PUBLISHED as LATEST
from mtlx.data.inputs import Ids
from tests.data.movielens_files import (
    latest_files,
    made_up_ratings,
    publish_100k,
    publish_latest,
    write_100k,
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    return publish_100k(tmp_path / "raw", monkeypatch)


@pytest.fixture
def archive(tmp_path, monkeypatch):
    return publish_latest(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("name", "line", "old", "new", "found"),
    [
        (small.RATINGS, 3, "\t8", "\t-8", r"line 3, column 4 \(timestamp\).* '-8"),
        (small.MOVIES, 2, "|0|", "|2|", r"line 2, column 6 \(unknown\): expected 0 or"),
        (small.MOVIES, 4, "|http", "http", "line 4: expected 24 fields, found 23"),
        (small.USERS, 5, "|F|", "|X|", r"line 5, column 3 \(gender\): .* F, M, found"),
        (
            small.USERS,
            1,
            "artist",
            "poet",
            r"line 1, column 4 \(occupation\): expected one of .*writer, found 'poet'",
        ),
    ],
)
def test_a_broken_line_is_named(tmp_path, name, line, old, new, found):
    folder = write_100k(tmp_path / "raw")
    lines = (folder / name).read_text(encoding="latin-1").split("\n")
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    (folder / name).write_text("\n".join(lines), encoding="latin-1")
    with pytest.raises(DataError, match=f"{name}.*{found}"):
        small.read_movielens_100k((folder / name).read_bytes(), folder / name)


def test_a_rating_of_a_film_that_is_not_listed(tmp_path, monkeypatch):
    ratings = [*made_up_ratings(), (1, 99, 3, 880_000_000)]
    folder = publish_100k(tmp_path / "raw", monkeypatch, ratings)
    with pytest.raises(DataError, match="every item_id of the log, found none for 99"):
        movielens_100k(data_dir=folder)


def test_files_with_another_content_are_refused(tmp_path, archive):
    folder = write_100k(tmp_path / "other")
    with pytest.raises(DataError, match="expected sha256 06416e59"):
        movielens_100k(data_dir=folder)
    path = archive / LATEST.archives[0]
    content = {
        **latest_files(),
        "ratings.csv": b"userId,movieId,rating,timestamp\n1,1,7,0\n",
    }
    with zipfile.ZipFile(path, "w") as file:
        for name, part in content.items():
            file.writestr(f"ml-latest-small/{name}", part)
    message = r"ml-latest-small.zip/ratings.csv, line 2, column 3 \(rating\)"
    with pytest.raises(DataError, match=message):
        movielens_latest_small(data_dir=archive)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tasks": ()}, "tasks to be one or more of"),
        ({"tasks": ("rating", "rating")}, "each once"),
        ({"tasks": "genre"}, r"found \['genre'\]. Mend data.tasks"),
        ({"split": "leave_one_out"}, "'time', 'user', 'random'.*found 'leave_one_out'"),
        ({"tasks": ("rating", "gender")}, "split='user' for gender, found 'time'"),
        ({"inputs": {"rating": Ids()}}, r"inputs to be of the columns .*\['rating'\]"),
        ({"cold_targets": "drop"}, "'mask', 'miss'"),
        ({"history": -2}, "history >= 0"),
    ],
)
def test_refusals(folder, options, message):
    with pytest.raises(ValueError, match=message):
        movielens_100k(data_dir=folder, **options)
