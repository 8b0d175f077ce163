"""Preparing once: what the second load reads, and what it still notices."""

import functools
import gzip
import os

import jax
import numpy as np
import pytest

from mtlx.data import DataError
from mtlx.data import prepared as prepared_module
from mtlx.data.builders import census_income as builder_module
from mtlx.data.builders.census_income_columns import prepare_census_income
from mtlx.data.builders.census_income_format import (
    CATEGORICAL,
    NUMERICAL,
    parse_census_income,
)
from mtlx.data.builders.census_income_source import TEST, TRAIN
from mtlx.data.prepared import prepared_columns


@pytest.fixture
def load(tiny):
    source, folder = tiny
    return functools.partial(prepared_columns, source, prepare_census_income, folder)


def refuse(*_):
    raise AssertionError("expected the cache to be read, found it prepared again")


def assert_same(first, second):
    assert set(first) == set(second) == {"train", "test"}
    for split in first:
        assert set(first[split]) == {*CATEGORICAL, *NUMERICAL}
    assert jax.tree.all(jax.tree.map(np.array_equal, first, second))


def test_columns_are_the_rows_of_the_files(tiny, load):
    _, folder = tiny
    for split, name in (("train", TRAIN), ("test", TEST)):
        path = folder / f"{name}.gz"
        rows = list(parse_census_income(gzip.decompress(path.read_bytes()), path))
        columns = load()[split]
        for position, column in enumerate(CATEGORICAL):
            values = columns[column].values[columns[column].codes]
            assert values.tolist() == [row["categorical"][position] for row in rows]
        for position, column in enumerate(NUMERICAL):
            assert columns[column].tolist() == [r["numerical"][position] for r in rows]


def test_records_lie_where_tfds_lays_them(tiny, load, tmp_path):
    source, _ = tiny
    load()
    prepared = source.prepared(tmp_path / "cache")
    assert (prepared / "dataset_info.json").is_file()
    assert list(prepared.glob("*.array_record*"))


def test_second_load_reads_no_raw_file(tiny, load):
    source, folder = tiny
    first = load()
    for name in source.sha256:
        path = folder / f"{name}.gz"
        status = path.stat()
        # As long as before and as old as before, but not to be read any more.
        path.write_bytes(b"?" * status.st_size)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    second = prepared_columns(source, refuse, folder)
    assert_same(first, second)


def test_second_load_without_the_raw_files(tiny, load):
    source, folder = tiny
    first = load()
    for path in folder.iterdir():
        path.unlink()
    assert_same(first, prepared_columns(source, refuse, folder))
    assert_same(first, prepared_columns(source, refuse, None))


def test_a_wrong_folder_is_no_less_wrong_with_a_full_cache(tiny, load):
    source, folder = tiny
    load()
    (folder / f"{TEST}.gz").unlink()
    with pytest.raises(DataError, match=f"found no {TEST}"):
        load()
    with pytest.raises(DataError, match="found no folder .*nowhere"):
        prepared_columns(source, refuse, folder / "nowhere")


def test_a_raw_file_changed_since_is_noticed(tiny, load):
    _, folder = tiny
    load()
    path = folder / f"{TEST}.gz"
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join(lines[:-1])))
    with pytest.raises(DataError, match=f"{TEST}.gz.*expected sha256"):
        load()


def test_another_copy_of_the_files_is_verified_once(tiny, load, tmp_path, monkeypatch):
    source, folder = tiny
    load()
    copy = tmp_path / "copy" / source.raw_name
    copy.mkdir(parents=True)
    for name in source.sha256:
        content = gzip.decompress((folder / f"{name}.gz").read_bytes())
        (copy / name).write_bytes(content)
    read = []
    real = prepared_module.read_verified
    monkeypatch.setattr(
        prepared_module,
        "read_verified",
        lambda source, name, path: (read.append(name), real(source, name, path)),
    )
    for _ in range(2):
        prepared_columns(source, refuse, copy.parent)
    assert sorted(read) == [TRAIN, TEST]


def test_damaged_cache(tiny, load, tmp_path):
    source, _ = tiny
    load()
    path = source.prepared(tmp_path / "cache") / "columns" / "train.npz"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DataError, match=r"train.npz: .*Delete the folder .*tiny"):
        load()


def test_two_runs_prepare_at_the_same_time(tiny, load, monkeypatch, tmp_path):
    """The run that finishes second takes the records of the first."""
    source, folder = tiny
    read_verified = builder_module.read_verified
    files = {name: folder / f"{name}.gz" for name in source.sha256}

    def overtaken(*arguments):
        monkeypatch.setattr(builder_module, "read_verified", read_verified)
        prepare_census_income(source, files, tmp_path / "cache")
        return read_verified(*arguments)

    monkeypatch.setattr(builder_module, "read_verified", overtaken)
    first = load()
    assert builder_module.read_verified is read_verified
    assert_same(first, load())
