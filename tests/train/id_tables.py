"""A model with one embedding table, and batches that read some of its rows."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from mtlx import models, train
from mtlx.data.dataset import Dataset, Schema
from mtlx.models import find_tables
from mtlx.tasks import Task
from mtlx.train import init_state, make_step
from mtlx.train.optimizers import bind
from mtlx.types import Batch

TABLE = ("encoder", "embedding")
TASKS = (Task("click", "binary"), Task("spend", "regression"))
CARDINALITIES = (30, 30)
ROWS, READ_BELOW = 60, 25  # ids of both columns stay below: 10 rows are never read
RATE = 0.01


def make_batch(seed: int, rows: int = 12) -> Batch:
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, READ_BELOW, size=(rows, 2)).astype(np.int32)
    labels = {
        "click": rng.integers(0, 2, rows).astype(np.float32),
        "spend": rng.normal(size=rows).astype(np.float32),
    }
    where = {"click": np.ones(rows, bool), "spend": rng.random(rows) < 0.6}
    labels["spend"][~where["spend"]] = np.nan
    numerical = rng.normal(size=(rows, 2)).astype(np.float32)
    features = {"categorical": ids, "numerical": numerical}
    return jax.tree.map(jnp.asarray, Batch(features, labels, where))


def rows_read(batch: Batch) -> np.ndarray:
    """Rows of the table that a batch reads."""
    return np.unique(np.asarray(batch.features["categorical"]) + np.array([0, 30]))


def make_model(width: int = 2, architecture=None):
    batch = make_batch(0)
    dataset = Dataset("ids", TASKS, Schema(CARDINALITIES, 2), batch, batch, batch)
    architecture = architecture or functools.partial(
        models.SharedBottom, bottom_widths=(4,), tower_widths=(3,)
    )
    encoder = functools.partial(models.FeatureEncoder, embedding_dim=width)
    return train.build_model(architecture, encoder, dataset)


def bound(optimizer, model):
    tables = find_tables(model, make_batch(0).features)
    return bind(optimizer, len(TASKS), model.owner, tables)


def make(model, optimizer, balancer, **options):
    optimizer = bound(optimizer, model)
    state = init_state(model, optimizer, balancer, make_batch(0), jax.random.key(0))
    return make_step(model, TASKS, optimizer, balancer, 8, **options), state


def assert_close(one, other, **tolerances):
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, **tolerances), one, other
    )
