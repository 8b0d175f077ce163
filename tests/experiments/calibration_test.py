"""The experiment of click-through rates on a made-up log, and its page."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir

import mtlx.compose
from experiments.composed_job import compose_job
from experiments.ecommerce import calibration
from experiments.study_page import BEGIN, END
from experiments.train import CONF, train
from mtlx.calibration_metrics import reliability_curve
from mtlx.data.dataset import Stream
from mtlx.data.kuairand import kuairand
from mtlx.results.store import load_study
from mtlx.train.curve_splits import curve_splits
from tests.conf_test import step_shapes
from tests.data.kuairand_files import write_files

OPTIONS = Path(CONF) / "model" / "ctr"
SMALL = (
    "experiment=ecommerce/ctr",
    "data.verify_rows=false",
    "encoder.embedding_dim=2",
    "trainer.batch_size=16",
    "trainer.epochs=2",
)


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    return write_files(tmp_path_factory.mktemp("log") / "raw")


@pytest.fixture(scope="module")
def study(raw, tmp_path_factory):
    """Two seeds of logistic regression and one of wide & deep."""
    folder = tmp_path_factory.mktemp("ctr")
    where = (f"data.data_dir={raw}", f"data.cache_dir={folder / 'cache'}")
    runs = (
        (0, "model=ctr/logistic_regression"),
        (1, "model=ctr/logistic_regression"),
        (0, "model=ctr/wide_and_deep", "model.tower_widths=[4]"),
    )
    for number, (seed, *overrides) in enumerate(runs):
        path = folder / "runs" / str(number)
        train(compose_job((*SMALL, *where, *overrides), path, number, seed))
    return folder / "runs"


def test_every_split_is_scored_epoch_by_epoch_and_the_epoch_is_validations(study):
    for path in study.rglob("epochs.csv"):
        curves = pd.read_csv(path).query("task == 'click'")
        found = curves.set_index(["split", "metric", "epoch"])["value"].sort_index()
        for split in ("train", "validation", "test"):
            for metric in ("auc", "gauc", "log_loss", "ece"):
                values = found[split, metric]
                assert list(values.index) == [1, 2] and np.isfinite(values).all()
        record = json.loads((path.parent / "result.json").read_text())
        best = record["best_epoch"]
        assert best == found["validation", "auc"].idxmax()
        for metric, value in record["test"]["click"].items():
            assert found["test", metric, best] == pytest.approx(value, abs=1e-6)


def test_reliability_is_that_of_the_test_split(study):
    """Of both seeds together; the first moments are those of the rows."""
    curves = calibration.reliability(load_study(study))["click"]
    assert set(curves) == {"ctr/logistic_regression", "ctr/wide_and_deep"}
    for model, runs in (("ctr/logistic_regression", "01"), ("ctr/wide_and_deep", "2")):
        pairs = [calibration.predictions(study / run)["click"] for run in runs]
        p, y = (np.concatenate(each) for each in zip(*pairs, strict=True))
        record = json.loads((study / runs[0] / "result.json").read_text())
        loss = -np.mean(
            np.where(pairs[0][1] == 1, *np.log([pairs[0][0], 1 - pairs[0][0]]))
        )
        assert loss == pytest.approx(record["test"]["click"]["log_loss"], rel=1e-4)
        expected = reliability_curve(p, y, calibration.BINS, "quantile")
        np.testing.assert_allclose(curves[model].frequency, expected.frequency)
        assert curves[model].count.sum() == len(y)


def test_the_page_has_each_model_on_each_split(study, tmp_path, capsys):
    page = tmp_path / "ctr.md"
    page.write_text(f"before\n\n{BEGIN}\n{END}\n\nafter")
    assert calibration.main([str(study), str(page)]) == 0
    lines = page.read_text().splitlines()
    rows = [line for line in lines if " ± " in line and "| test |" in line]
    assert len(rows) == 2
    assert sum("| train |" in line for line in lines) == 2
    assert any(line.startswith("| `ctr/wide_and_deep` | ") for line in lines)
    for name in ("click_epochs", "reliability"):
        assert (tmp_path / "ctr" / f"{name}.png").stat().st_size > 1000
    assert calibration.main([str(study), str(tmp_path / "none.md")]) == 1
    assert "none.md" in capsys.readouterr().err


def test_every_network_makes_a_step_with_a_history_if_it_can(raw, tmp_path):
    where = (f"data.data_dir={raw}", f"data.cache_dir={tmp_path}")
    with initialize_config_dir(CONF, version_base="1.3"):
        cfg = compose("train", overrides=SMALL[:1], return_hydra_config=True)
        models = cfg.hydra.sweeper.params.model.split(",")
        assert {f"ctr/{path.stem}" for path in OPTIONS.glob("*.yaml")} < set(models)
        for model in models:
            history = 0 if model == "ctr/logistic_regression" else 2
            overrides = (*SMALL, *where, f"model={model}", f"data.history={history}")
            cfg = compose("train", overrides=list(overrides))
            parts = mtlx.compose.build(cfg)
            assert bool(parts.dataset.schema.fields) == bool(history)
            assert step_shapes(parts)["loss"].shape == (1,)


def test_splits_that_cannot_be_scored_are_refused(raw, tmp_path):
    data = kuairand(verify_rows=False, data_dir=raw, cache_dir=tmp_path)
    splits = curve_splits(data, ("train", "test"))
    assert len(splits["train"].groups) == len(data.train.labels["click"])
    assert data.train.groups is None and splits["test"] is data.test
    with pytest.raises(ValueError, match="found .'validation'."):
        curve_splits(data, ("validation",))
    with pytest.raises(ValueError, match="expected groups .* for gauc, found none"):
        curve_splits(data._replace(train_groups=None), ("train",))
    stream = data._replace(train=Stream(lambda *_: data.train, 1))
    with pytest.raises(ValueError, match="in memory for their curves, found Stream"):
        curve_splits(stream, ("train",))
    with pytest.raises(ValueError, match="expected metrics from .*, found rmse"):
        kuairand(metrics=("rmse",))
