"""Inputs that say the label are found, and others are not."""

import numpy as np
import pytest

from mtlx import data
from mtlx.data import DataError
from mtlx.data.categorical import Categorical
from mtlx.data.inputs import Ids, Number
from mtlx.data.lists import Lists
from mtlx.data.tabular import AtRandom, LeakageWarning, find_leaks
from mtlx.data.text_column import TextColumn
from mtlx.tasks import Task
from tests.data.table_files import shop_columns, write_csv

ROWS = 2000
RNG = np.random.default_rng(5)
LABEL = (RNG.random(ROWS) < 0.2).astype(np.float64)
NOISE = RNG.normal(size=ROWS)


def leaks(column, task=None, label=LABEL, where=None, **options):
    task = task or Task("y", "binary")
    where = np.ones(len(label), bool) if where is None else where
    columns = {"x": column}
    return find_leaks(columns, (task,), {"y": label}, {"y": where}, **options)


@pytest.mark.parametrize(
    "column, reason",
    [
        (LABEL + 0.01 * NOISE, "AUC 1.0000 of class 1"),
        (-LABEL + 0.01 * NOISE, "AUC 1.0000"),
        # No order: far from 0 on both sides.
        (np.where(LABEL == 1, 5.0, 1.0) * np.sign(NOISE) + 0.1 * NOISE, "AUC"),
        (Categorical.of(np.where(LABEL == 1, NOISE > 0, 2)), "AUC"),
        ((7 - LABEL).astype(np.int64), "AUC"),
        (np.where(LABEL == 1, NOISE, np.nan), "filled in only where the label is"),
        # Known for few of the sales, but for no other row.
        (np.where((LABEL == 1) & (NOISE > 0.8), NOISE, np.nan), "filled in only where"),
        (np.where((LABEL == 0) & (NOISE > 0.0), np.nan, NOISE), "empty only where"),
        (Categorical.of(np.where(LABEL == 1, "done", "")), "filled in only where"),
        (
            Lists(
                Categorical.of(np.full(int(LABEL.sum()), "z")),
                np.cumsum(LABEL).astype(np.int64),
            ),
            "filled in only where the label is class 1",
        ),
        (
            TextColumn(
                np.full(int(LABEL.sum()), 65, np.uint8),
                np.cumsum(LABEL).astype(np.int64),
            ),
            "filled in only where",
        ),
    ],
)
def test_what_says_the_label_is_found(column, reason):
    (leak,) = leaks(column)
    assert (leak.column, leak.task) == ("x", "y")
    assert reason in leak.reason


@pytest.mark.parametrize(
    "column",
    [
        NOISE,
        LABEL + 0.6 * NOISE,  # a good feature, AUC .88
        np.arange(ROWS),  # an id of its own in each row is a function of nothing
        Categorical.of(np.arange(ROWS) // 2),
        np.where(NOISE > 2.5, NOISE, np.nan),
        np.where((LABEL == 1) & (np.arange(ROWS) < 30), 1.0, np.nan),  # too few
        np.full(ROWS, np.nan),
        np.full(ROWS, 3.0),
        np.arange(ROWS).astype("M8[ms]"),
    ],
)
def test_what_does_not_is_not(column):
    assert leaks(column) == []


def test_rows_that_do_not_count_are_not_looked_at():
    column = np.where(LABEL == 1, 1.0, 0.0)
    column[:500] = NOISE[:500]
    where = np.arange(ROWS) >= 500
    assert leaks(column) == []
    assert len(leaks(column, where=where)) == 1


def test_a_rare_class_is_told_apart_by_chance_alone():
    label = np.zeros(ROWS)
    label[:9] = 1
    assert leaks(label, label=label) == []


def test_classes_and_numbers_as_labels():
    classes = RNG.integers(0, 3, ROWS).astype(np.float64)
    task = Task("y", "multiclass", num_classes=3)
    (leak,) = leaks((classes == 2) + 0.01 * NOISE, task, classes)
    assert "class 2" in leak.reason
    assert leaks(NOISE, task, classes) == []
    task, price = Task("y", "regression"), np.exp(NOISE)
    (leak,) = leaks(3 * price + 1, task, price)
    assert "correlation| 1.0000 of the label" in leak.reason
    assert leaks(price + NOISE[::-1], task, price) == []


def test_the_threshold_is_a_choice():
    column = LABEL + 0.6 * NOISE
    assert leaks(column, threshold=0.8)
    with pytest.raises(ValueError, match="0.5 < threshold <= 1, found 0.4"):
        leaks(column, threshold=0.4)


@pytest.fixture
def written(tmp_path):
    shop = shop_columns()
    shop["sum"] = [c if c else None for c in shop["clicked"]]
    return write_csv(tmp_path / "log.csv", shop)


def load(path, leakage):
    return data.table(
        path,
        {"user": Ids(), "sum": Number(missing=0)},
        (Task("click", "binary", label="clicked"),),
        AtRandom(0.1, 0.1),
        leakage=leakage,
    )


def test_a_table_warns_or_refuses(written):
    message = "'sum' for 'click': filled in only where .*data.inputs.sum=null"
    with pytest.warns(LeakageWarning, match=message):
        load(written, "warn")
    with pytest.raises(DataError, match=message):
        load(written, "refuse")
    load(written, "off")
