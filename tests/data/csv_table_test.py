"""Tables of text: what they hold, and every way in which they can be wrong."""

from pathlib import Path

import numpy as np
import pytest

from mtlx.data import DataError
from mtlx.data.csv_table import CsvTable

KINDS = {"id": "whole", "on": "flag", "x": "number", "y": "number?", "name": "text"}
TABLE, PATH = CsvTable(KINDS), Path("folder") / "table.csv"
HEADER = "id,on,x,y,name"
LINES = ['3,1,-1.5,2e3,"a, b"', "0,0,2.0,,", "7,1,0,1,Zürich"]


def read(*lines, header=HEADER):
    return TABLE.read("\n".join([header, *lines, ""]).encode(), PATH)


def test_columns_by_their_kinds():
    columns = read(*LINES)
    assert list(columns) == list(KINDS)
    np.testing.assert_array_equal(columns["id"], [3, 0, 7])
    assert columns["id"].dtype == np.int64
    np.testing.assert_array_equal(columns["on"], [1, 0, 1])
    np.testing.assert_array_equal(columns["x"], [-1.5, 2.0, 0.0])
    np.testing.assert_array_equal(columns["y"], [2000.0, np.nan, 1.0])
    name = columns["name"]
    assert name.values.tolist() == ["", "Zürich", "a, b"]
    assert name.values[name.codes].tolist() == ["a, b", "", "Zürich"]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("3,1,2,2", "line 4: expected 5 fields, found 4: '3,1,2,2'"),
        ("3,1,2,2,a,b", "line 4: expected 5 fields, found 6"),
        ("", "line 4: expected 5 fields, found 0"),
        ("-3,1,2,2,a", r"line 4, column 1 \(id\): .* whole number .* found '-3'"),
        ("3.0,1,2,2,a", r"line 4, column 1 \(id\): .* found '3.0'"),
        ("3,2,2,2,a", r"line 4, column 2 \(on\): expected 0 or 1, found '2'"),
        ("3,,2,2,a", r"line 4, column 2 \(on\): expected 0 or 1, found ''"),
        ("3,1,,2,a", r"line 4, column 3 \(x\): expected a number, found ''"),
        ("3,1,nan,2,a", r"line 4, column 3 \(x\): expected a number, found 'nan'"),
        ("3,1,2,inf,a", r"line 4, column 4 \(y\): .* or nothing, found 'inf'"),
        ("3,1,2,abc,a", r"line 4, column 4 \(y\): .* found 'abc'"),
    ],
)
def test_a_broken_line(line, found):
    with pytest.raises(DataError, match=f"table.csv, {found}.* Mend the line"):
        read(*LINES[:2], line, LINES[2])


def test_another_header():
    with pytest.raises(DataError, match="line 1: expected the columns id,on,.* found"):
        read(*LINES, header="a,on,x,y,name")


def test_no_rows():
    with pytest.raises(DataError, match="expected rows below the header, found none"):
        read()


def test_no_utf8():
    content = "\n".join([HEADER, *LINES]).encode("latin-1")
    with pytest.raises(DataError, match=r"line 4: expected UTF-8 text, found .*xfc"):
        TABLE.read(content, PATH)


def test_tabs_times_and_columns_of_a_few_values():
    table = CsvTable({"at": "time", "n": "integer", "size": ("S", "L")}, "\t")
    header, line = "at\tn\tsize\n", "2011-12-09 12:50\t-3\tL\n"
    columns = table.read(f"{header}{line}".encode(), PATH)
    assert columns["at"] == np.datetime64("2011-12-09T12:50")
    assert columns["n"].tolist() == [-3]
    assert columns["size"].values.tolist() == ["L"]
    for wrong, found in (
        ("09.12.2011\t1\tS", r"column 1 \(at\): expected a date and time .*'09.12"),
        ("\t1\tS", r"column 1 \(at\): expected a date .* found ''"),
        ("2011-12-09\t1.5\tS", r"column 2 \(n\): expected a whole number, .*'1.5'"),
        ('2011-12-09\t1\t"S"', r"column 3 \(size\): expected one of .* found '\"S"),
    ):
        content = f"{header}{line}{wrong}\n".encode()
        with pytest.raises(DataError, match=f"table.csv, line 3, {found}"):
            table.read(content, PATH)
