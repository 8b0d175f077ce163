"""Garments: which images are in which split, and that labels follow them."""

import importlib

import jax
import numpy as np
import pytest
from hydra import compose, initialize_config_dir

import mtlx.compose
from experiments.train import CONF
from mtlx.data import fashion_mnist
from tests.data.image_files import publish_images

MODULE = importlib.import_module("mtlx.data.fashion_mnist")


@pytest.fixture
def garments(tmp_path, monkeypatch):
    monkeypatch.setattr(MODULE, "VALIDATION_ROWS", 20)
    rows = {"train": 50, "t10k": 10}
    return tmp_path, publish_images(monkeypatch, tmp_path, "fashion_mnist", rows)


@pytest.mark.parametrize("train_rows", [None, 7])
def test_splits_are_those_of_the_files(garments, train_rows):
    folder, arrays = garments
    data = fashion_mnist(train_rows=train_rows, data_dir=folder)
    for split, stem, rows in (
        (data.train, "train", slice(0, train_rows or 30)),
        (data.validation, "train", slice(30, 50)),
        (data.test, "t10k", slice(0, 10)),
    ):
        images = arrays[f"{stem}-images-idx3-ubyte"][rows]
        np.testing.assert_array_equal(split.features["image"][..., 0], images)
        labels = arrays[f"{stem}-labels-idx1-ubyte"][rows]
        np.testing.assert_array_equal(split.labels["category"], labels)
        assert split.features["image"].dtype == np.uint8
        assert split.labels["category"].dtype == np.int32
        assert split.where["category"].all()


@pytest.mark.parametrize("train_rows", [0, 31])
def test_more_rows_than_there_are_are_refused(garments, train_rows):
    with pytest.raises(ValueError, match=f"from 1 to 30, found {train_rows}; null"):
        fashion_mnist(train_rows=train_rows, data_dir=garments[0])


@pytest.mark.full_data
def test_published_facts(full_data_dir):
    data = fashion_mnist(data_dir=full_data_dir)
    counts = [np.bincount(split.labels["category"]) for split in data[3:6]]
    assert [count.sum() for count in counts] == [50_000, 10_000, 10_000]
    assert counts[2].tolist() == [1_000] * 10
    assert (counts[0] + counts[1]).tolist() == [6_000] * 10
    assert data.test.labels["category"][:4].tolist() == [9, 2, 1, 1]


def test_the_option_composes(garments):
    options = ["data=fashion_mnist", "model=single_task", "encoder=lenet"]
    options += [f"data.data_dir={garments[0]}"]
    with initialize_config_dir(CONF, version_base="1.3"):
        parts = mtlx.compose.build(compose("train", overrides=options))
    features = jax.tree.map(lambda x: x[:2], dict(parts.dataset.test.features))
    outputs, _ = jax.eval_shape(
        parts.model.init_with_output, jax.random.key(0), features
    )
    assert outputs["category"].shape == (2, 10)
