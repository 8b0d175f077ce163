"""One tiny run on the shipped Census-Income sample, for all ways to ask it."""

from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import pyarrow
import pyarrow.parquet as parquet
import pytest
from hydra import compose, initialize_config_dir

import experiments.train  # noqa: F401  registers the resolver of the folder names
import mtlx.compose
from experiments.job import Job
from experiments.record import claim
from experiments.signature import signature_of
from mtlx.data.builders.census_income_source import SAMPLE
from mtlx.data.categorical import Categorical
from mtlx.data.census_income import _prepare
from mtlx.data.prepared import prepared_columns
from mtlx.serving.answers import make_answer
from mtlx.train import Checkpointer
from mtlx.train.curves import CurveWriter

CONF = str(Path(__file__).resolve().parents[2] / "conf")
ROWS = 20
OVERRIDES = [
    "data=census_income_sample",
    "trainer.epochs=1",
    "trainer.batch_size=2000",
    "model.num_experts=2",
    "model.expert_widths=[8]",
    "model.tower_widths=[4]",
]


class Run(NamedTuple):
    folder: Path
    rows: list[dict[str, Any]]  # raw, the first of the training file
    features: dict[str, Any]  # of these rows, as the data set has them
    parquet: Path  # with these rows
    answers: dict[str, np.ndarray]  # of these rows, by the trained model itself
    result: Any


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """A finished run in its folder."""
    root = tmp_path_factory.mktemp("serving")
    folder = root / "data=census_income_sample,seed=0"
    with initialize_config_dir(CONF, version_base="1.3"):
        cfg = compose("train", overrides=OVERRIDES)
    choices = {"model": "mmoe", "balancer": "equal", "data": "census_income_sample"}
    parts, result = finish(Job(cfg, folder, choices, tuple(OVERRIDES), None))
    rows = raw_rows()
    table = {name: [row[name] for row in rows] for name in rows[0]}
    parquet.write_table(pyarrow.table(table), root / "rows.parquet")
    # The features of the data set itself, which no stored preprocessing had a hand in.
    features = {
        name: jnp.asarray(column[:ROWS])
        for name, column in parts.dataset.train.features.items()
    }
    answer = make_answer(parts.model, signature_of(parts.dataset))
    answers = {
        task: np.asarray(value)
        for task, value in answer(result.variables, features).items()
    }
    return Run(folder, rows, features, root / "rows.parquet", answers, result)


def finish(job: Job) -> tuple[mtlx.compose.Parts, Any]:
    """Trains what a job says, in its folder."""
    claim(job.folder, job.cfg)
    parts = mtlx.compose.build(job.cfg)
    result = parts.fit(
        parts.model,
        parts.dataset,
        parts.balancer,
        parts.optimizer,
        observers=[CurveWriter(job.folder / "epochs.csv")],
        checkpointer=Checkpointer(job.folder / "checkpoint"),
    )
    job.finish(result, parts.dataset, 1.0)
    return parts, result


def raw_rows() -> list[dict[str, Any]]:
    columns = prepared_columns(SAMPLE, _prepare)["train"]
    values = {
        name: column.values[column.codes[:ROWS]].tolist()
        if isinstance(column, Categorical)
        else column[:ROWS].tolist()
        for name, column in columns.items()
    }
    rows = zip(*values.values(), strict=True)
    return [dict(zip(values, row, strict=True)) for row in rows]
