"""Every way in which a raw file can be wrong ends with an error that says where."""

import gzip
import re
import shutil

import pytest

from mtlx.data import DataError, census_income
from mtlx.data.builders.census_income_format import COLUMNS
from mtlx.data.builders.census_income_source import SAMPLE, TEST, TRAIN
from mtlx.data.raw_files import find_files


@pytest.fixture
def damage(tiny):
    """Rewrites one field of a line of the training file; returns the folder."""
    _, folder = tiny
    path = folder / f"{TRAIN}.gz"

    def rewrite(line, change):
        lines = gzip.decompress(path.read_bytes()).decode().splitlines(keepends=True)
        lines[line - 1] = change(lines[line - 1])
        path.write_bytes(gzip.compress("".join(lines).encode()))
        return folder

    return rewrite


def replace(column, value):
    def change(line):
        fields = line.rstrip("\n").split(", ")
        fields[COLUMNS.index(column)] = value
        return ", ".join(fields) + "\n"

    return change


def load(folder):
    return census_income(data_dir=folder)


@pytest.mark.parametrize(
    ("line", "change", "found"),
    [
        (3, lambda line: line.split(", ", 1)[1], "line 3: expected 42 fields .* 41"),
        (7, lambda line: "1, " + line, "line 7: expected 42 fields .* found 43"),
        (9, lambda line: "\n", "line 9: expected 42 fields .* found 1"),
        (
            2,
            replace("age", "abc"),
            r"line 2, column 1 \(age\): expected a whole number, found 'abc'",
        ),
        (
            4,
            replace("weeks_worked_in_year", "5.5"),
            r"line 4, column 40 \(weeks_worked_in_year\): .* found '5.5'",
        ),
        (
            5,
            replace("instance_weight", ""),
            r"line 5, column 25 \(instance_weight\): expected a number, found ''",
        ),
        (
            6,
            replace("income", "50000"),
            r"line 6, column 42 \(income\): expected one of .*50000\+.*, found '50000'",
        ),
        (
            8,
            replace("marital_stat", "never married"),
            r"line 8, column 8 \(marital_stat\): expected one of .*Never married",
        ),
        (
            60,
            replace("education", "University"),
            r"line 60, column 5 \(education\): .* found 'University'",
        ),
        (1, replace("race", "Wei\u00df"), "line 1: expected ASCII text"),
    ],
)
def test_broken_line(damage, line, change, found):
    folder = damage(line, change)
    message = rf"(?s){re.escape(str(folder))}.*{re.escape(TRAIN)}.*{found}.*Mend"
    with pytest.raises(DataError, match=message):
        load(folder)


def test_well_formed_but_other_content(damage):
    with pytest.raises(DataError, match=r"expected sha256 3676a81d.*, found [0-9a-f]"):
        load(damage(1, replace("age", "17")))


def test_bytes_flipped_inside_the_gzip(tiny):
    _, folder = tiny
    path = folder / f"{TRAIN}.gz"
    content = bytearray(path.read_bytes())
    for position in range(len(content) // 2, len(content) // 2 + 8):
        content[position] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"{TRAIN}.gz: expected a whole gzip file"):
        load(folder)


def test_truncated_gzip(tiny):
    _, folder = tiny
    path = folder / f"{TRAIN}.gz"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match="expected a whole gzip file.*Fetch it again"):
        load(folder)


def test_no_gzip_at_all(tiny):
    _, folder = tiny
    (folder / f"{TRAIN}.gz").write_text("<html>not found</html>")
    with pytest.raises(DataError, match="expected a whole gzip file"):
        load(folder)


def test_one_file_missing(tiny):
    _, folder = tiny
    (folder / f"{TEST}.gz").unlink()
    with pytest.raises(DataError, match=rf"{folder}.*found no {TEST}. Put the missing"):
        load(folder)


def test_an_installation_without_the_sample(tmp_path):
    with pytest.raises(DataError, match="that ship with mtlx, found none. Install"):
        find_files(SAMPLE._replace(folder=tmp_path), None)


def test_no_such_folder(tmp_path):
    with pytest.raises(DataError, match="found no folder .*nowhere. Mend the path"):
        load(tmp_path / "nowhere")


def test_the_environment_names_the_folder_too(tmp_path, monkeypatch):
    monkeypatch.setenv("MTLX_DATA_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="nowhere"):
        census_income()


def test_a_failed_load_leaves_nothing_in_the_cache(damage, tmp_path):
    with pytest.raises(DataError):
        load(damage(3, replace("age", "abc")))
    shutil.rmtree(tmp_path / "cache" / "downloads")
    assert not [p for p in (tmp_path / "cache").rglob("*.array_record*")]
    assert not (tmp_path / "cache" / "census_income" / "full").exists() or not list(
        (tmp_path / "cache" / "census_income" / "full").iterdir()
    )
