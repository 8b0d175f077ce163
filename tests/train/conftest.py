"""A small data set with a masked task, and models on it."""

import functools

import jax
import numpy as np
import pytest

from mtlx import models, train
from mtlx.data.dataset import Dataset, Schema
from mtlx.tasks import Task
from mtlx.types import Batch

TASKS = (Task("click", "binary"), Task("buy", "binary"), Task("spend", "regression"))


def make_rows(seed: int, rows: int) -> Batch:
    """Labels that depend on the features; "buy" has labels on some rows alone."""
    rng = np.random.default_rng(seed)
    numerical = rng.normal(size=(rows, 4)).astype(np.float32)
    categorical = rng.integers(0, 5, size=(rows, 2)).astype(np.int32)
    signal = numerical[:, 0] + 0.5 * (categorical[:, 0] - 2)
    labels = {
        "click": (signal > 0).astype(np.float32),
        "buy": (signal + numerical[:, 1] > 0.5).astype(np.float32),
        "spend": (signal - numerical[:, 2]).astype(np.float32),
    }
    where = {task: np.ones(rows, bool) for task in labels}
    where["buy"] = rng.random(rows) < 0.6
    labels["buy"] = np.where(where["buy"], labels["buy"], np.nan).astype(np.float32)
    return Batch({"numerical": numerical, "categorical": categorical}, labels, where)


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    return Dataset(
        name="small",
        tasks=TASKS,
        schema=Schema(
            (5, 5), 4, names=("user", "tab"), domain="tab", personal=("user",)
        ),
        train=make_rows(0, 256),
        validation=make_rows(1, 96),
        test=make_rows(2, 96),
    )


@pytest.fixture(scope="session")
def model(dataset):
    return train.build_model(
        functools.partial(models.SharedBottom, bottom_widths=(8,), tower_widths=(4,)),
        functools.partial(models.FeatureEncoder, embedding_dim=3),
        dataset,
    )


@pytest.fixture(scope="session")
def batch(dataset) -> Batch:
    """The first 32 training rows, on the device."""
    return jax.tree.map(lambda column: jax.numpy.asarray(column[:32]), dataset.train)


@pytest.fixture(scope="session")
def two_tasks():
    """Two tasks that conflict, with a tanh-free small model, for the textbook loop."""
    rows = make_rows(3, 240)
    labels = {"click": rows.labels["click"], "spend": -rows.labels["spend"]}
    rows = Batch(rows.features, labels, {task: rows.where[task] for task in labels})
    dataset = Dataset("two", (TASKS[0], TASKS[2]), Schema((5, 5), 4), rows, rows, rows)
    model = train.build_model(
        functools.partial(models.SharedBottom, bottom_widths=(6,), tower_widths=(3,)),
        functools.partial(models.FeatureEncoder, embedding_dim=2),
        dataset,
    )
    return dataset, model
