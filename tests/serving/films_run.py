"""A finished run of two towers on made-up films: ratings, and lists of films."""

from typing import Any, NamedTuple

import jax
import numpy as np
from hydra import compose, initialize_config_dir

import mtlx.compose
from experiments.job import Job
from tests.data.movielens_files import publish_100k
from tests.serving.conftest import CONF, finish

OVERRIDES = [
    "experiment=ecommerce/tfrs_movielens",
    "encoder.embedding_dim=4",
    "model.tower_widths=[4]",
    "model.log_q=streaming",
    "trainer.epochs=1",
    "trainer.batch_size=64",
]


class Films(NamedTuple):
    """The run's folder, its parts and its trained variables."""

    folder: Any
    parts: mtlx.compose.Parts
    variables: Any

    def names(self, column):
        """The raw values of a column in the test rows; a stranger for the unknown."""
        dataset = self.parts.dataset
        known = dataset.preprocessing.vocabulary(column).values
        place = dataset.schema.names.index(column)
        ids = dataset.test.features["categorical"][:, place]
        return np.array(["stranger", *known])[ids]

    def outputs(self, rows):
        """What the model itself makes of rows of features."""
        return self.parts.model.apply(self.variables, jax.device_put(rows), train=False)


def train_films(root, monkeypatch):
    """Trains the run."""
    raw = publish_100k(root / "raw", monkeypatch)
    monkeypatch.setenv("MTLX_DATA_DIR", str(raw))
    monkeypatch.setenv("MTLX_CACHE_DIR", str(root / "cache"))
    with initialize_config_dir(CONF, version_base="1.3"):
        cfg = compose("train", overrides=OVERRIDES)
    model, data = "recommendation/two_tower", "movielens_100k_tfrs"
    choices = {"model": model, "balancer": "constant", "data": data}
    parts, result = finish(Job(cfg, root / "seed=0", choices, (), None))
    return Films(root / "seed=0", parts, result.variables)
