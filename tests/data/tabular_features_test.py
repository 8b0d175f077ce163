"""Vocabularies, scales and splits: fitted on the training rows, applied to all."""

import numpy as np
import pytest

from mtlx.data.categorical import Categorical
from mtlx.data.column_store import load_columns, save_columns
from mtlx.data.scaler import Scaler
from mtlx.data.split import halves
from mtlx.data.tabular_features import TabularFeatures
from mtlx.data.vocabulary import Vocabulary
from mtlx.types import Batch


def categorical(*rows):
    values, codes = np.unique(rows, return_inverse=True)
    return Categorical(values, codes.astype(np.int32))


def test_vocabulary():
    vocabulary = Vocabulary.fit(categorical("b", "a", "b", "d"))
    assert vocabulary.values == ("a", "b", "d")
    assert vocabulary.size == 4
    ids = vocabulary.ids(categorical("d", "c", "a", "e", "b"))
    np.testing.assert_array_equal(ids, [3, 0, 1, 0, 2])
    assert ids.dtype == np.int32


def test_vocabulary_knows_only_values_that_occur():
    column = categorical("a", "b", "c").take(np.array([0, 2]))
    assert Vocabulary.fit(column).values == ("a", "c")


def test_isin():
    column = categorical("b", "a", "c", "b")
    np.testing.assert_array_equal(column.isin(("b", "x")), [True, False, False, True])


def test_scaler():
    train = np.array([[1.0, 0.0, 5.0], [3.0, np.e - 1.0, 5.0]])
    scaler = Scaler.fit(train, np.array([False, True, False]))
    np.testing.assert_allclose(scaler.mean, [2.0, 0.5, 5.0])
    np.testing.assert_allclose(scaler.std, [1.0, 0.5, 0.0])
    scaled = scaler.scale(np.array([[-4.0, np.e**2 - 1.0, 6.0]]))
    np.testing.assert_allclose(scaled, [[-6.0, 3.0, 1.0]], rtol=1e-6)
    assert scaled.dtype == np.float32


def test_nothing_leaks_from_the_rows_that_were_not_fitted():
    train = {"colour": categorical("red", "blue"), "size": np.array([1, 3])}
    other = {"colour": categorical("green", "red"), "size": np.array([1000, 2])}
    features = TabularFeatures.fit(train, ["colour"], ["size"])
    assert features.schema.cardinalities == (3,)
    assert features.schema.numericals == 1
    assert features.schema.names == ("colour",)
    before = features.encode(train)
    encoded = features.encode(other)
    np.testing.assert_array_equal(encoded["categorical"], [[0], [2]])
    np.testing.assert_allclose(encoded["numerical"], [[998.0], [0.0]])
    np.testing.assert_array_equal(
        before["numerical"], features.encode(train)["numerical"]
    )
    np.testing.assert_allclose(before["numerical"].mean(axis=0), 0.0, atol=1e-6)
    np.testing.assert_allclose(before["numerical"].std(axis=0), 1.0, atol=1e-6)


def test_column_store(tmp_path):
    columns = {"colour": categorical("red", "blu\u00e9"), "size": np.array([1, 3])}
    save_columns(tmp_path / "train.npz", columns)
    loaded = load_columns(tmp_path / "train.npz")
    assert set(loaded) == {"colour", "size"}
    np.testing.assert_array_equal(loaded["colour"].values, columns["colour"].values)
    np.testing.assert_array_equal(loaded["colour"].codes, columns["colour"].codes)
    np.testing.assert_array_equal(loaded["size"], columns["size"])
    assert [path.name for path in tmp_path.iterdir()] == ["train.npz"]


@pytest.mark.parametrize("rows", [6, 7])
def test_halves(rows):
    values = np.arange(rows)
    batch = Batch(
        {"numerical": values[:, None]}, {"t": values}, {"t": np.ones(rows, bool)}
    )
    first, second = halves(batch, seed=3)
    assert len(first.labels["t"]) == rows // 2
    both = np.concatenate([first.labels["t"], second.labels["t"]])
    np.testing.assert_array_equal(np.sort(both), values)
    np.testing.assert_array_equal(first.features["numerical"][:, 0], first.labels["t"])
    assert (np.diff(first.labels["t"]) > 0).all()
