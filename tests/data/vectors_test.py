"""Vectors from files, beside the other inputs of a data set."""

import numpy as np
import pytest

from mtlx.data import DataError, Dataset, with_vectors
from mtlx.data.vector_file import read_vectors
from mtlx.tasks import Task
from mtlx.types import Batch, Schema

ROWS = {"train": 6, "validation": 3, "test": 4}
RNG = np.random.default_rng(0)


@pytest.fixture
def vectors():
    return RNG.normal(size=(6, 5)).astype(np.float32)


def dataset(**splits):
    def batch(rows):
        numerical = np.ones((rows, 2), np.float32)
        where = {"y": np.ones(rows, bool)}
        return Batch({"numerical": numerical}, {"y": np.zeros(rows)}, where)

    made = {split: batch(rows) for split, rows in ROWS.items()} | splits
    return Dataset("made_up", (Task("y", "regression"),), Schema(numericals=2), **made)


def saved(folder, widths=(5, 5, 5)):
    files = {}
    for (split, rows), width in zip(ROWS.items(), widths, strict=True):
        files[split] = folder / f"{split}.npy"
        np.save(files[split], RNG.normal(size=(rows, width)).astype(np.float32))
    return files


@pytest.mark.parametrize("order", ["C", "F"])
def test_files_are_mapped_and_not_read(tmp_path, vectors, order):
    vectors = np.asarray(vectors, order=order)
    np.save(tmp_path / "a.npy", vectors)
    np.savez(tmp_path / "b.npz", image=vectors, other=vectors[:2])
    np.savez_compressed(tmp_path / "c.npz", vectors)
    paths = [("a.npy", None), ("b.npz", "image"), ("c.npz", None)]
    found = [read_vectors(tmp_path / path, 6, array) for path, array in paths]
    for each in found:
        np.testing.assert_array_equal(each, vectors)
    assert [isinstance(each, np.memmap) for each in found] == [True, True, False]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones((7, 5)), r"expected 6 rows \(dimension 0\).*found 7, of shape"),
        (np.ones(6), r"expected two dimensions.*found shape \(6,\)"),
        (np.array([["a"] * 5] * 6), "expected numbers, found <U1"),
    ],
)
def test_another_array_is_refused(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(DataError, match=message):
        read_vectors(tmp_path / "a.npy", 6)


def test_another_file_is_refused(tmp_path, vectors):
    (tmp_path / "a.npy").write_bytes(b"no array")
    with pytest.raises(DataError, match="a.npy: expected an array.*np.save"):
        read_vectors(tmp_path / "a.npy", 6)
    np.savez(tmp_path / "b.npz", image=vectors, text=vectors)
    for array in (None, "sound"):
        with pytest.raises(DataError, match="found .'image', 'text'. and array="):
            read_vectors(tmp_path / "b.npz", 6, array)
    with pytest.raises(DataError, match="absent.npy"):
        read_vectors(tmp_path / "absent.npy", 6)


def test_a_data_set_gets_a_field(tmp_path):
    files = saved(tmp_path)
    data = with_vectors(with_vectors(dataset(), "picture", files), "title", files)
    assert [f.name for f in data.schema.fields] == ["picture", "title"]
    assert all(f.kind == "vector" and f.shape == (5,) for f in data.schema.fields)
    for split in ROWS:
        features = getattr(data, split).features
        assert set(features) == {"numerical", "picture", "title"}
        np.testing.assert_array_equal(features["picture"], np.load(files[split]))


def test_what_does_not_fit_is_refused(tmp_path):
    files = saved(tmp_path, widths=(5, 5, 4))
    with pytest.raises(DataError, match="one width .dimension 1.*'test': 4"):
        with_vectors(dataset(), "picture", files)
    with pytest.raises(ValueError, match="found 'numerical' among"):
        with_vectors(dataset(), "numerical", files)
    with pytest.raises(ValueError, match=r"a file for each of.*found \['train'\]"):
        with_vectors(dataset(), "picture", {"train": files["train"]})
