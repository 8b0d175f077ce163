"""data=table: what it refuses, and how it says so."""

import pytest

from mtlx.data import DataError, tabular
from mtlx.data.inputs import Ids, Number, Quantiles
from mtlx.tasks import Task
from tests.data.table_files import (
    INPUTS,
    ROWS,
    TASKS,
    load,
    rows_of,
    shop_columns,
    write_csv,
)


@pytest.fixture(scope="module")
def shop():
    return shop_columns()


@pytest.fixture(scope="module")
def path(tmp_path_factory, shop):
    return write_csv(tmp_path_factory.mktemp("shop") / "log.csv", shop)


def bad(tmp_path, shop, **changed):
    """The log with one cell of the fourth row changed; its titles have two lines."""
    for name, cell in changed.items():
        cells = [None if c is None else str(c) for c in shop[name]]
        shop = shop | {name: [*cells[:3], cell, *cells[4:]]}
    return write_csv(tmp_path / "bad.csv", shop)


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"price": "cheap"}, "'price': expected a number, or nothing, found 'cheap'"),
        ({"price": "inf"}, "'price': expected a finite number, found .*inf"),
        ({"clicked": "2"}, "'clicked': expected .*0 .*1.*found .*2"),
        ({"bought": "7"}, "'bought': expected a class from 0 to 1, or nothing"),
        ({"stars": "many"}, "'stars': expected a number, or nothing, found 'many'"),
        ({"sum": ""}, "'sum': expected a number, found nan. .*Number.missing"),
        ({"sum": "-1"}, "'sum': expected a number of 0 or more, .*found -1.0"),
        ({"time": "noon"}, "'time': expected a time as in ISO 8601.*found 'noon'"),
        ({"time": ""}, "'time': expected a time .*found ''"),
    ],
)
def test_a_bad_cell_is_named_by_its_line(tmp_path, shop, changed, message):
    shop = shop | {"clicked": [1] * 4 + shop["clicked"][4:], "sum": [1.5] * ROWS}
    inputs = INPUTS | {"sum": Number(log=True)}
    with pytest.raises(DataError, match=f"bad.csv, line 8, column {message}"):
        load(bad(tmp_path, shop, **changed), inputs=inputs)


def test_a_line_of_another_length_is_named(tmp_path, shop):
    written = write_csv(
        tmp_path / "log.csv", {"user": shop["user"], "n": shop["stars"]}
    )
    lines = written.read_text().splitlines()
    lines[6] += ",7"
    written.write_text("\n".join(lines))
    with pytest.raises(DataError, match="line 7: expected 2 fields, found 3"):
        load(
            written,
            inputs={"user": Ids()},
            tasks=(Task("n", "regression"),),
            split=None,
        )


@pytest.mark.parametrize(
    "options, message",
    [
        ({"inputs": {"prize": Quantiles()}}, "column 'prize', found time, .*'price'"),
        ({"split": tabular.ByTime("when")}, "line 1: expected a column 'when'"),
        ({"split": None}, "expected data.split, or files"),
        ({"inputs": {"clicked": Ids()}}, r"no label or .* found \['clicked'\]"),
        ({"inputs": {"user": None}}, "at least one column as an input"),
        ({"tasks": ()}, "expected tasks, each with a name of its own"),
        ({"leakage": "maybe"}, "warn, refuse or off"),
        ({"classes": {"user": ("u1",)}}, r"classes of label columns, found \['user'\]"),
        (
            {
                "split": tabular.ByTime(
                    "time", validation_from=20300101, test_from=20310101
                )
            },
            "expected rows in each split, found {'train': 240, 'validation': 0",
        ),
        (
            {"split": tabular.ByUser("user", validation=0.01, test=0.01)},
            "expected rows in each split",
        ),
    ],
)
def test_what_does_not_fit_is_refused(path, options, message):
    with pytest.raises(ValueError, match=message):
        load(path, **options)


def test_a_label_of_one_class_is_refused(tmp_path, shop):
    early = rows_of(shop)["train"]
    constant = [0 if n in early else c for n, c in enumerate(shop["clicked"])]
    written = write_csv(tmp_path / "a.csv", shop | {"clicked": constant})
    with pytest.raises(DataError, match="'click': expected .* train split, found 0 al"):
        load(written, tasks=TASKS[:1])
    late = [0 if n not in early else c for n, c in enumerate(shop["clicked"])]
    written = write_csv(tmp_path / "b.csv", shop | {"clicked": late})
    with pytest.raises(DataError, match="in the validation split"):
        load(written, tasks=TASKS[:1])


def test_files_that_are_not_there_are_refused(tmp_path, path):
    with pytest.raises(DataError, match="absent.csv"):
        load(tmp_path / "absent.csv")
    with pytest.raises(DataError, match="found a folder without"):
        load(tmp_path)
    with pytest.raises(ValueError, match="expected files for train"):
        load({"test": path})
    (tmp_path / "x.parquet").write_text("no")
    with pytest.raises(DataError, match="x.parquet: expected a .parquet file"):
        load(tmp_path / "x.parquet")
