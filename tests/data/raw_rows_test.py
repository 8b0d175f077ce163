"""Rows of a user's own file, and what is wrong with them."""

import numpy as np
import pyarrow
import pyarrow.parquet as parquet
import pytest

from mtlx.data import DataError
from mtlx.data.answer_file import write_answers
from mtlx.data.raw_rows import read_rows

KINDS = {
    "name": "text",
    "item": "text",
    "count": "whole",
    "price": "number",
    "score": "number?",
}
TABLE = {
    "left_alone": [1.5, 2.5],
    "score": [None, 0.5],
    "price": [1, 2],
    "name": ["b", ""],
    "item": [10, 9],
    "count": [0, 3],
}


def write(path, **columns):
    """TABLE with some columns in place of its own; None leaves one out."""
    table = {k: v for k, v in (TABLE | columns).items() if v is not None}
    if path.suffix == ".parquet":
        parquet.write_table(pyarrow.table(table), path)
        return path
    lines = [",".join(table)]
    for row in zip(*table.values(), strict=True):
        lines.append(",".join("" if value is None else str(value) for value in row))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(params=["rows.parquet", "rows.csv"])
def path(request, tmp_path):
    return tmp_path / request.param


def test_the_named_columns_are_read(path):
    rows = read_rows(write(path), KINDS)
    assert list(rows) == list(KINDS)
    assert rows["name"].values[rows["name"].codes].tolist() == ["b", ""]
    assert rows["item"].values[rows["item"].codes].tolist() == ["10", "9"]
    np.testing.assert_array_equal(rows["count"], [0, 3])
    np.testing.assert_array_equal(rows["price"], [1.0, 2.0])
    np.testing.assert_array_equal(rows["score"], [np.nan, 0.5])


@pytest.mark.parametrize(
    "columns, message",
    [
        ({"price": None}, "expected a column 'price', .*found none among"),
        ({"count": [1, -1]}, "row 2, column 'count': expected whole numbers.*found"),
        ({"price": [1.0, float("inf")]}, "row 2, column 'price': expected numbers"),
        ({name: [] for name in TABLE}, "expected rows, found none"),
    ],
)
def test_what_does_not_fit_names_row_and_column(path, columns, message):
    with pytest.raises(DataError, match=f"{path.name}.*{message}"):
        read_rows(write(path, **columns), KINDS)


@pytest.mark.parametrize(
    "columns, message",
    [
        ({"price": ["1", "2"]}, "column 'price': expected numbers, found the type str"),
        ({"item": [1.5, 2.0]}, "column 'item': expected text or .*type double"),
        ({"name": ["a", None]}, "row 2, column 'name': .*found nothing"),
        ({"price": [None, 2.0]}, "row 1, column 'price': .*found nothing"),
    ],
)
def test_types_of_a_parquet_file(tmp_path, columns, message):
    with pytest.raises(DataError, match=message):
        read_rows(write(tmp_path / "rows.parquet", **columns), KINDS)


def test_a_dictionary_of_texts_is_text(tmp_path):
    names = pyarrow.array(["b", "a"]).dictionary_encode()
    rows = read_rows(write(tmp_path / "rows.parquet", name=names), KINDS)
    assert rows["name"].values[rows["name"].codes].tolist() == ["b", "a"]


def test_stamps_are_times_or_text(tmp_path):
    stamps = np.array(["2022-04-24T01:00", "2022-04-25T00:00"], "datetime64[us]")
    path = write(tmp_path / "rows.parquet", score=stamps)
    np.testing.assert_array_equal(read_rows(path, {"score": "time"})["score"], stamps)


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("rows.txt", "", "expected a file of type .parquet or .csv, found .txt"),
        ("rows.parquet", "no such thing", "found a damaged one"),
        ("rows.csv", "a,b\n1,2\n3\n", "row 2: expected 2 fields, found 1"),
        ("rows.csv", "", "expected a column 'a'"),
    ],
)
def test_other_files_are_refused(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message):
        read_rows(tmp_path / name, {"a": "whole"})
    with pytest.raises(DataError, match="found no file"):
        read_rows(tmp_path / "absent.csv", {"a": "whole"})


def test_answers_are_a_column_a_task(tmp_path):
    answers = {
        "click": np.array([0.25, 0.5], np.float32),
        "kind": np.array([[0.75, 0.25], [0.5, 0.5]], np.float32),
    }
    write_answers(tmp_path / "out" / "rows.parquet", answers)
    table = parquet.read_table(tmp_path / "out" / "rows.parquet").to_pydict()
    assert table == {"click": [0.25, 0.5], "kind": [[0.75, 0.25], [0.5, 0.5]]}
    write_answers(tmp_path / "rows.csv", answers)
    lines = (tmp_path / "rows.csv").read_text().splitlines()
    assert lines == ["click,kind_0,kind_1", "0.25,0.75,0.25", "0.5,0.5,0.5"]
    with pytest.raises(DataError, match="expected an output of type"):
        write_answers(tmp_path / "rows.json", answers)
