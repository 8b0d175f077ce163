"""Every way in which a file of School, Landmine or PCBA can be wrong."""

from pathlib import Path

import numpy as np
import pytest

from mtlx.data import DataError
from mtlx.data.builders.landmine_format import parse_landmine
from mtlx.data.builders.pcba_format import parse_pcba
from mtlx.data.builders.school_format import parse_school
from tests.data.many_tasks_files import (
    as_mat,
    landmine_cells,
    molecules,
    school_cells,
)


def _changed(number, row, column, value):
    def change(cells):
        cells[number][row, column] = value

    return change


@pytest.mark.parametrize(
    ("cell", "change", "message"),
    [
        ("X", _changed(1, 2, 1, 1), r"X\{2\}, row 3: expected one 1 .*\(year\)"),
        ("X", _changed(0, 4, 6, 2), r"X\{1\}, row 5: .*columns 6 to 7 \(gender\)"),
        ("X", _changed(2, 0, 3, 101), r"X\{3\}, row 1: .*0 to 100 in column 4 "),
        ("X", _changed(2, 1, 27, 0), r"X\{3\}, row 2: expected 1 in column 28, found"),
        ("Y", _changed(1, 0, 0, 120), r"Y\{2\}, row 1: expected a score .*found 120"),
        ("Y", lambda cells: cells.pop(), r"as many tasks in 'Y' as in 'X', found 2"),
        ("X", lambda cells: cells.insert(0, cells.pop(0)[:, 1:]), r"X\{1\}: .*27\)"),
        ("Y", lambda cells: cells.insert(0, cells.pop(0)[:3]), r"Y\{1\}: .*\(3, 1\)"),
    ],
)
def test_a_damaged_school_is_named(cell, change, message):
    cells = dict(zip("XY", school_cells(), strict=True))
    change(cells[cell])
    with pytest.raises(DataError, match=f"school.mat.*{message}"):
        list(parse_school(as_mat(**cells), Path("school.mat")))


def test_what_is_no_landmine_file_is_named():
    rows, labels = landmine_cells()
    labels[1][2] = 3
    with pytest.raises(DataError, match=r"label\{2\}, row 3: expected 0 or 1, found 3"):
        list(parse_landmine(as_mat(feature=rows, label=labels), Path("l.mat")))
    rows[0][1, 1] = np.nan
    with pytest.raises(DataError, match=r"feature\{1\}: expected finite numbers"):
        list(parse_landmine(as_mat(feature=rows, label=labels), Path("l.mat")))
    with pytest.raises(DataError, match=r"expected a cell 'label', found \['feature'"):
        list(parse_landmine(as_mat(feature=rows), Path("l.mat")))
    for content in (b"", b"<html>" * 99, as_mat(feature=rows, label=labels)[:500]):
        with pytest.raises(DataError, match="l.mat: expected a MATLAB file"):
            list(parse_landmine(content, Path("l.mat")))


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            "features",
            b"\n1,1",
            b"\n1,2",
            "line 2, column 2: expected 0 or 1, found '2'",
        ),
        ("features", b"\n1,1,", b"\n1,", "line 2: expected 1024 fields, found 1023"),
        ("features", b"0,1,2", b"0,1,3", "line 1: expected the columns 0 to 1023"),
        ("features", b"0,0\n0", b"0,0\r\n0", "line 2, column 1024: .*found '0.r'"),
        (
            "y",
            b"\n1.0,",
            b"\n1.5,",
            "line 2, column 1: expected 0.0 or 1.0, found '1.5",
        ),
        ("y", b"\n1.0,", b"\n1,", "line 2, column 1: .*found '1'"),
        ("w", b"\n1.25,", b"\n-1.25,", "line 2, column 1: expected a number from 0 on"),
        ("w", b"\n1.25,", b"\nnan,", "line 2, column 1: .*found 'nan'"),
        ("w", b"\n1.25,", b"\n,", "line 2, column 1: .*found ''"),
        ("w", b"\n1.25,", b"\n", "line 2: expected 128 fields, found 127"),
    ],
)
def test_a_damaged_molecule_is_named(file, old, new, message):
    content = molecules(3, 0)[file].replace(old, new, 1)
    path = Path(f"pcba_val_{file}.csv")
    with pytest.raises(DataError, match=f"{path}, {message}"):
        list(parse_pcba(content, path))


def test_a_cut_file_is_named():
    content = molecules(2, 0)["w"][:-4]
    with pytest.raises(DataError, match="pcba_val_w.csv: expected whole rows"):
        list(parse_pcba(content, Path("pcba_val_w.csv")))
