"""The sets of texts: small files of their formats, and every way they can be wrong."""

import csv
import functools
import hashlib
import importlib
import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mtlx.data import DataError, TextTokenizer, fdu_mtl_reviews, womens_clothing
from mtlx.data.builders.fdu_mtl_format import parse_fdu_mtl
from mtlx.data.builders.fdu_mtl_source import STEMS, file_of
from mtlx.data.builders.womens_clothing_format import (
    COLUMNS,
    DEPARTMENTS,
    parse_womens_clothing,
)
from mtlx.data.builders.womens_clothing_source import FILE
from mtlx.data.categorical import Categorical

TOKENIZER = functools.partial(TextTokenizer.fit, length=4)
WOMENS = importlib.import_module("mtlx.data.womens_clothing")
FDU = importlib.import_module("mtlx.data.fdu_mtl_reviews")
PATH = Path("reviews.csv")


def review(number, text=None, **fields):
    row = dict.fromkeys(COLUMNS, "1") | {
        "Title": "",
        "Review Text": f"word{number} is,\nfine" if text is None else text,
        "Rating": str(1 + number % 5),
        "Recommended IND": str(number % 2),
        "Department Name": DEPARTMENTS[number % 6],
    }
    return row | fields


def as_csv(rows):
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows([row[name] for name in COLUMNS] for row in rows)
    return out.getvalue().encode()


def published(module, monkeypatch, contents):
    """Makes small files the published ones of a set."""
    digests = {
        name: hashlib.sha256(content).hexdigest() for name, content in contents.items()
    }
    tiny = module.PUBLISHED._replace(
        sha256=digests, splits={split: split for split in digests}, config="tiny"
    )
    if module is WOMENS:
        tiny = tiny._replace(splits={"reviews": FILE})
    monkeypatch.setattr(module, "PUBLISHED", tiny)
    return tiny


@pytest.fixture
def clothes(tmp_path, monkeypatch):
    """40 reviews, one without text and one without a department, in an archive."""
    rows = [review(number) for number in range(40)]
    rows[3] |= {"Review Text": "", "Title": "silence"}
    rows[5] |= {"Department Name": "", "Title": "Loud"}
    content = as_csv(rows)
    tiny = published(WOMENS, monkeypatch, {FILE: content})
    with zipfile.ZipFile(tmp_path / tiny.archives[0], "w") as archive:
        archive.writestr(f"data/{FILE}", content)
    return functools.partial(womens_clothing, tokenizer=TOKENIZER, data_dir=tmp_path)


def test_reviews_of_clothes_are_split_and_labelled(clothes):
    tasks = ("stars", "rating", "recommended", "department")
    data = clothes(tasks=tasks)
    splits = [data.train, data.validation, data.test]
    assert [len(split.labels["stars"]) for split in splits] == [31, 4, 4]
    labels = {t: np.concatenate([s.labels[t] for s in splits]) for t in tasks}
    where = {t: np.concatenate([s.where[t] for s in splits]) for t in tasks}
    np.testing.assert_array_equal(labels["rating"], labels["stars"] + 1)
    numbers = [number for number in range(40) if number != 3]
    for task, of in {
        "stars": lambda n: n % 5,
        "recommended": lambda n: n % 2,
        "department": lambda n: n % 6,
    }.items():
        known = [n for n in numbers if not (task == "department" and n == 5)]
        assert where[task].sum() == len(known)
        expected = np.bincount([of(n) for n in known])
        found = np.bincount(labels[task][where[task]].astype(int))
        np.testing.assert_array_equal(found, expected)


def test_the_vocabulary_is_the_training_splits(clothes):
    data = clothes()
    (field,) = data.schema.fields
    # The unknown, "is", ",", "fine", one word of each training row, perhaps a title.
    assert field.sizes[0] in (31 + 4, 31 + 5)
    for split in (data.validation, data.test):
        first = split.features["text"][:, 0]
        assert np.all(first == 0)  # the word of that row alone, or its title
    assert np.all(data.train.features["text"][:, 0] > 0)


def test_raw_columns_give_the_features_of_the_data(clothes):
    data = clothes()
    assert data.preprocessing.kinds == {"Title": "text", "Review Text": "text"}
    rows = [review(number) for number in range(40) if number not in (3, 5)]
    columns = {
        name: Categorical.of(np.array([row[name] for row in rows]))
        for name in data.preprocessing.kinds
    }
    found = {tuple(row) for row in data.preprocessing.encode(columns)["text"].tolist()}
    splits = (data.train, data.validation, data.test)
    every = {tuple(row) for s in splits for row in s.features["text"].tolist()}
    assert len(found) >= 30  # a word of its own for each training row
    assert len(every - found) <= 1  # the one with another title
    assert found <= every


def test_another_seed_splits_otherwise_and_the_same_seed_alike(clothes):
    first, again, other = clothes(), clothes(), clothes(split_seed=1)
    ratings = [data.test.labels["rating"].tolist() for data in (first, again, other)]
    assert ratings[0] == ratings[1] != ratings[2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\n1,2\n", "line 1: expected the header .*Review Text.* found 'a,b'"),
        (as_csv([review(1)]) + b"1,2\n", "line 4: expected 11 fields, found 2"),
        (
            as_csv([review(1), review(2, Rating="6")]),
            r"line 4, column 6 \(Rating\): expected one of .*'5'.* found '6'",
        ),
        (
            as_csv([review(1, **{"Recommended IND": ""})]),
            r"line 2, column 7 \(Recommended IND\): expected .* found ''",
        ),
        (
            as_csv([review(1, **{"Department Name": "Shoes"})]),
            r"line 2, column 10 \(Department Name\): expected .* found 'Shoes'",
        ),
        (as_csv([review(1)]) + b"\xff", r"line 4: expected UTF-8 text, found b'\\xff'"),
    ],
)
def test_a_damaged_review_is_named(content, message):
    with pytest.raises(DataError, match=f"reviews.csv, {message}"):
        list(parse_womens_clothing(content, PATH))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"1\tgood\n0 bad\n",
            "line 2: expected a label, a tab .* found 1 fields: '0 b",
        ),
        (b"1\tgood\tbook\n", "line 1: .* found 3 fields"),
        (
            b"1\ta\n1\tb\n2\tc\n",
            r"line 3, column 1 \(label\): expected 0 or 1, found '2'",
        ),
        (b"1\ta\n\n", "line 2: expected .* found 1 fields: ''"),
    ],
)
def test_a_damaged_line_is_named(content, message):
    with pytest.raises(DataError, match=f"reviews.csv, {message}"):
        list(parse_fdu_mtl(content, PATH))


def test_latin_1_line_breaks_end_no_row():
    assert list(parse_fdu_mtl(b"1\tna\xefve\x85yes\n0\tno\n", PATH)) == [
        (1, "na\xefve\x85yes"),
        (0, "no"),
    ]


@pytest.fixture
def domains(tmp_path, monkeypatch):
    """Each domain has its own word; 206 rows to train on and validate, 3 to test."""
    contents = {}
    for task in STEMS:
        for split, rows in (("train", 206), ("test", 3)):
            lines = [f"{n % 2}\t{task} {split}\n" for n in range(rows)]
            contents[file_of(task, split)] = "".join(lines).encode()
    tiny = published(FDU, monkeypatch, contents)
    with tarfile.open(tmp_path / tiny.archives[0], "w:xz") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"mtl-dataset/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return functools.partial(fdu_mtl_reviews, tokenizer=TOKENIZER, data_dir=tmp_path)


def test_a_row_counts_for_its_domain_alone(domains):
    data = domains(domain=True)
    assert [task.name for task in data.tasks] == list(STEMS)
    assert data.schema.cardinalities == (17,) and data.schema.domain == "domain"
    for split, rows in ((data.train, 6), (data.validation, 200), (data.test, 3)):
        where = np.stack([split.where[task] for task in STEMS])
        assert where.sum(axis=0).tolist() == [1] * (16 * rows)
        assert where.sum(axis=1).tolist() == [rows] * 16
        np.testing.assert_array_equal(
            split.features["categorical"][:, 0], where.argmax(axis=0) + 1
        )
        labels = np.stack([split.labels[task] for task in STEMS])
        assert not labels[~where].any()
    assert sum(data.test.labels["books"][data.test.where["books"]]) == 1
    # All words of a training row are known: its domain's own, and "train".
    assert np.all(data.train.features["text"][:, :2] > 0)
    assert np.all(data.test.features["text"][:, 1] == 0)  # "test"


def test_some_domains_alone_hold_out_the_same_rows(domains):
    everything, alone = domains(), domains(tasks=["imdb"])
    assert [task.name for task in alone.tasks] == ["imdb"]
    assert alone.schema.cardinalities == ()
    for split in ("train", "validation", "test"):
        whole, part = getattr(everything, split), getattr(alone, split)
        where = whole.where["imdb"]
        np.testing.assert_array_equal(whole.labels["imdb"][where], part.labels["imdb"])


@pytest.mark.parametrize(
    ("load", "tasks"),
    [
        (womens_clothing, ["price"]),
        (fdu_mtl_reviews, []),
        (fdu_mtl_reviews, ["mr"] * 2),
    ],
)
def test_unknown_repeated_or_no_tasks_are_refused(load, tasks):
    with pytest.raises(
        ValueError, match="expected tasks to be one or more.*data.tasks"
    ):
        load(tasks=tasks)


@pytest.mark.parametrize("load", [womens_clothing, fdu_mtl_reviews])
def test_files_that_are_nowhere_are_not_downloaded(load, tmp_path):
    with pytest.raises(DataError, match="found none. It is not downloaded: fetch it"):
        load(data_dir=tmp_path)


def test_an_archive_that_is_broken_or_lacks_a_file_is_named(clothes, tmp_path):
    archive = tmp_path / WOMENS.PUBLISHED.archives[0]
    archive.write_bytes(archive.read_bytes()[:200])
    with pytest.raises(DataError, match="expected an archive, found a damaged one"):
        clothes()
    with zipfile.ZipFile(archive, "w") as empty:
        empty.writestr("other.csv", "")
    with pytest.raises(
        DataError, match=r"archive that holds .*csv, found \['other.csv"
    ):
        clothes()


def test_another_file_of_the_same_format_is_refused(clothes, tmp_path):
    (tmp_path / FILE).write_bytes(as_csv([review(1)]))
    with pytest.raises(DataError, match="not the published one: expected sha256"):
        clothes()
