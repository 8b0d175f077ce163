"""The shipped sample, against values worked out from its text."""

import csv
import subprocess
import sys

import numpy as np
import pytest

import mtlx.data
from mtlx.data.builders.census_income_format import (
    CATEGORICAL,
    COLUMNS,
    NUMERICAL,
)
from mtlx.data.builders.census_income_source import TEST, TRAIN

LABEL_OF = {
    "income": lambda row: row["income"] == "50000+.",
    "never_married": lambda row: row["marital_stat"] == "Never married",
    "education": lambda row: row["education"].startswith(
        ("Associates", "Bachelors", "Masters", "Prof", "Doctorate")
    ),
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def rows(sample_lines):
    return {
        name: [
            dict(zip(COLUMNS, map(str.strip, fields), strict=True))
            for fields in csv.reader(lines)
        ]
        for name, lines in sample_lines.items()
    }


@pytest.fixture
def sample(cache):
    return mtlx.data.census_income(sample=True, cache_dir=cache)


def split_rows(rows, seed=0):
    order = np.random.default_rng(seed).permutation(len(rows[TEST]))
    first, second = np.sort(order[:2500]), np.sort(order[2500:])
    return {
        "train": rows[TRAIN],
        "validation": [rows[TEST][i] for i in first],
        "test": [rows[TEST][i] for i in second],
    }


def test_shapes_and_dtypes(sample):
    for split, count in (("train", 10_000), ("validation", 2_500), ("test", 2_500)):
        batch = getattr(sample, split)
        assert batch.features["categorical"].shape == (count, 31)
        assert batch.features["categorical"].dtype == np.int32
        assert batch.features["numerical"].shape == (count, 7)
        assert batch.features["numerical"].dtype == np.float32
        for task in ("income", "never_married", "education"):
            assert batch.labels[task].shape == (count,)
            assert batch.labels[task].dtype == np.float32
            assert batch.where[task].dtype == bool
            assert batch.where[task].all()


def test_labels_are_those_of_the_text(sample, rows):
    for split, expected in split_rows(rows).items():
        for task, label in LABEL_OF.items():
            np.testing.assert_array_equal(
                getattr(sample, split).labels[task], [label(row) for row in expected]
            )


def test_ids_are_ranks_of_the_training_values(sample, rows):
    names = [c for c in CATEGORICAL if c not in ("income", "marital_stat", "education")]
    for column, name in enumerate(names):
        known = sorted({row[name] for row in rows[TRAIN]})
        ids = {value: rank for rank, value in enumerate(known, start=1)}
        assert sample.schema.cardinalities[column] == len(known) + 1
        for split, expected in split_rows(rows).items():
            np.testing.assert_array_equal(
                getattr(sample, split).features["categorical"][:, column],
                [ids.get(row[name], 0) for row in expected],
            )


def test_the_sample_has_values_that_only_the_test_file_holds(sample):
    assert (sample.train.features["categorical"] > 0).all()
    assert (sample.test.features["categorical"] == 0).any()


def test_numbers_are_scaled_by_the_training_statistics(sample, rows):
    money = ("wage_per_hour", "capital_gains", "capital_losses")
    money += ("dividends_from_stocks",)
    for column, name in enumerate(NUMERICAL):
        scale = np.log1p if name in money else np.asarray
        train = scale([float(row[name]) for row in rows[TRAIN]])
        for split, expected in split_rows(rows).items():
            values = scale([float(row[name]) for row in expected])
            np.testing.assert_allclose(
                getattr(sample, split).features["numerical"][:, column],
                (values - train.mean()) / train.std(),
                rtol=1e-4,
                atol=1e-5,
            )


@pytest.mark.parametrize(
    ("tasks", "removed"),
    [
        (("income",), 1),
        (("income", "never_married"), 2),
        (("education", "never_married"), 3),
        (("never_married",), 2),
    ],
)
def test_label_columns_are_no_inputs(cache, tasks, removed):
    data = mtlx.data.census_income(tasks=tasks, sample=True, cache_dir=cache)
    assert tuple(task.name for task in data.tasks) == tasks
    assert tuple(data.train.labels) == tasks
    assert len(data.schema.cardinalities) == len(CATEGORICAL) - removed
    assert data.schema.numericals == 7
    assert len(data.schema.names) == len(data.schema.cardinalities)
    assert {data.schema.domain, *data.schema.personal} <= set(data.schema.names)


def test_no_input_determines_the_marital_status(sample, rows):
    """Had marital_stat stayed an input, one of its ids would equal the label."""
    label = sample.train.labels["never_married"] == 1
    for column in sample.train.features["categorical"].T:
        purity = [
            max(label[column == i].mean(), 1 - label[column == i].mean())
            for i in np.unique(column)
        ]
        shares = [(column == i).mean() for i in np.unique(column)]
        assert np.dot(purity, shares) < 0.95


def test_split_seed(cache, sample):
    def income(split_seed):
        data = mtlx.data.census_income(
            split_seed=split_seed, sample=True, cache_dir=cache
        )
        return data.validation.labels["income"], data.test.labels["income"]

    first, again, other = income(0), income(0), income(1)
    np.testing.assert_array_equal(first[0], again[0])
    assert (first[0] != other[0]).any()
    assert sum(map(np.sum, first)) == sum(map(np.sum, other))


@pytest.mark.parametrize("tasks", [("incme",), (), ("income", "income"), "incme"])
def test_refuses_other_tasks(tasks):
    with pytest.raises(ValueError, match=r"\['education', 'income', 'never_married'\]"):
        mtlx.data.census_income(tasks=tasks, sample=True)


def test_one_task_may_be_a_string(cache):
    data = mtlx.data.census_income(tasks="income", sample=True, cache_dir=cache)
    assert [task.name for task in data.tasks] == ["income"]


def test_import_and_cached_load_are_light(cache, sample):
    """TFDS is imported to prepare a data set, not to use one."""
    program = (
        "import sys, mtlx.data\n"
        f"mtlx.data.census_income(sample=True, cache_dir={str(cache)!r})\n"
        "assert 'tensorflow_datasets' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
