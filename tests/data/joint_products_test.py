"""Titles, pictures and reviews as tasks of one model, from the option to a step."""

import importlib

import numpy as np
import pytest
from hydra import compose, initialize_config_dir

import mtlx.compose
from experiments.train import CONF
from mtlx.data.builders import pricerunner_source, womens_clothing_source
from mtlx.data.builders.pricerunner_format import OFFERS
from tests.data.image_files import publish_images
from tests.data.pricerunner_test import offer
from tests.data.text_sets_test import as_csv, review
from tests.data.tiny_source import as_text, publish

TASKS = {
    "offers_category": 10,
    "offers_vendor": 7,
    "pictures_category": 10,
    "reviews_rating": 1,
    "reviews_recommended": 1,
    "reviews_department": 6,
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Sixty offers, forty pictures and forty reviews."""
    offers = [offer(n, vendor_id=str(n % 7)) for n in range(60)]
    content = as_text(OFFERS, offers)
    names = ("pricerunner_products", "womens_clothing")
    publish(monkeypatch, tmp_path, names[0], {pricerunner_source.FILE: content})
    content = as_csv([review(number) for number in range(40)])
    publish(monkeypatch, tmp_path, names[1], {womens_clothing_source.FILE: content})
    images = importlib.import_module("mtlx.data.fashion_mnist")
    monkeypatch.setattr(images, "VALIDATION_ROWS", 10)
    rows = {"train": 50, "t10k": 10}
    publish_images(monkeypatch, tmp_path, "fashion_mnist", rows)
    return tmp_path


def test_a_step_trains_all_tasks(folder):
    options = ["data=joint_products", "encoder=joint", "trainer=smoke"]
    options += ["encoder/image@encoder.encoder.image=lenet", "model=shared_bottom"]
    options += ["data.steps_per_epoch=1"]
    for name in ("offers", "pictures", "reviews"):
        options += [f"data.datasets.{name}.data_dir={folder}"]
        options += [f"data.datasets.{name}.cache_dir={folder / 'cache'}"]
    with initialize_config_dir(CONF, version_base="1.3"):
        parts = mtlx.compose.build(compose("train", overrides=options))
    assert {task.name: task.outputs for task in parts.dataset.tasks} == TASKS
    result = parts.fit(
        parts.model,
        parts.dataset,
        parts.balancer,
        parts.optimizer,
        **{"epochs": 1, "batch_size": 24},
    )
    assert int(result.state.step) == 1 and not result.diverged
    for task in TASKS:
        metric = "rmse" if task == "reviews_rating" else "log_loss"
        assert np.isfinite(result.test[task][metric])
    encoder = result.state.params["encoder"]
    assert set(encoder) == {"part_offers", "part_pictures", "part_reviews"}
