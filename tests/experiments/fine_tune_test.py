"""Runs of a made-up log, trained, fine-tuned and put on a page."""

import json

import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from experiments.composed_job import compose_job
from experiments.ecommerce import fine_tune, fine_tune_page
from experiments.study_page import BEGIN, END
from experiments.train import CONF, train
from mtlx.results.daily import DAYS, DayRow, gains, read_days
from tests.data.kuairand_files import DAYS as LOG_DAYS
from tests.data.kuairand_files import write_files

SMALL = (
    "experiment=ecommerce/kuairand_days",
    "data.verify_rows=false",
    "data.tasks=[click,long_view]",
    "encoder.embedding_dim=2",
    "model.num_experts=2",
    "model.expert_widths=[4]",
    "model.tower_widths=[]",
    "trainer.batch_size=4",
    "trainer.epochs=1",
)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Two seeds of the experiment on made-up files."""
    folder = tmp_path_factory.mktemp("days")
    raw = write_files(folder / "raw")
    where = (f"data.data_dir={raw}", f"data.cache_dir={folder / 'cache'}")
    for seed in range(2):
        path = folder / "runs" / f"seed={seed}"
        train(compose_job((*SMALL, *where), path, number=seed, seed=seed))
    return folder / "runs"


def test_the_experiment_trains_and_is_fine_tuned_day_by_day(study, tmp_path, capsys):
    assert fine_tune.main([str(study)]) == 0
    rows = read_days(sorted(path.parent for path in study.rglob("result.json")))
    later = [day for day in LOG_DAYS if day >= 20220430]
    assert sorted(rows["date"].unique()) == later
    assert rows["run"].nunique() == 2
    assert set(rows["metric"]) == {"auc", "gauc", "log_loss"}
    wide = rows.set_index(["run", "date", "task", "metric", "model"])["value"]
    wide = wide.unstack("model").xs("log_loss", level="metric")
    first = wide.index.get_level_values("date") == 20220430
    np.testing.assert_array_equal(wide["frozen"][first], wide["tuned"][first])
    assert (wide["frozen"][~first] != wide["tuned"][~first]).all()
    # The frozen model is the run's own: that of its validation day.
    for folder, own in rows[rows["date"] == 20220430].groupby("run"):
        with open(f"{folder}/result.json") as file:
            record = json.load(file)
        for row in own.query("metric == 'log_loss'").itertuples():
            expected = record["validation"][row.task]["log_loss"]
            assert row.value == pytest.approx(expected, rel=1e-5)

    page = tmp_path / "page.md"
    page.write_text(f"before\n\n{BEGIN}\n{END}\n\nafter")
    assert fine_tune_page.main([str(study), str(page)]) == 0
    text = page.read_text()
    assert "| 30.4. |" in text and "| mean 1.5. to 8.5. |" in text
    assert "](page/days.png)" in text
    assert (tmp_path / "page" / "days.png").stat().st_size > 1000
    assert len(pd.read_csv(tmp_path / "page" / "days.csv")) == len(rows)
    assert str(tmp_path) not in (tmp_path / "page" / "days.csv").read_text()
    capsys.readouterr()


def test_gains_are_paired_by_run():
    values = {("a", "frozen"): 0.5, ("a", "tuned"): 0.7, ("b", "frozen"): 0.6}
    values[("b", "tuned")] = 0.9
    rows = [
        DayRow(date, 9, model, "click", "auc", value + shift)._asdict() | {"run": run}
        for (run, model), value in values.items()
        for date, shift in ((20220501, -0.1), (20220502, 0.1), (20220503, 9.0))
    ]
    (row,) = gains(pd.DataFrame(rows), [20220501, 20220502]).itertuples()
    assert (row.frozen, row.tuned) == (pytest.approx(0.55), pytest.approx(0.8))
    assert row.gain == pytest.approx(0.25)
    # Half of the spread of two runs times t(.975, 1 degree of freedom).
    assert row.half_width == pytest.approx(0.05 * 12.7062, rel=1e-4)


def test_a_run_that_was_tested_before_its_last_epoch_is_refused(study, capsys):
    path = study / "seed=0" / "result.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"best_epoch": 0}))
    try:
        assert fine_tune.main([str(study)]) == 1
        assert "trainer.keep=last" in capsys.readouterr().err
    finally:
        path.write_text(json.dumps(record))


def test_what_is_missing_is_said(study, tmp_path, capsys):
    assert fine_tune.main([str(tmp_path)]) == 1
    assert "Expected finished runs" in capsys.readouterr().err
    with pytest.raises(FileNotFoundError, match="experiments.ecommerce.fine_tune"):
        read_days([tmp_path])
    (tmp_path / DAYS).write_text("date,value\n1,2\n")
    with pytest.raises(ValueError, match="expected the columns"):
        read_days([tmp_path])


@pytest.mark.parametrize("experiment", ["kuairand_days", "ctr"])
def test_the_header_states_its_case(experiment):
    with open(f"{CONF}/experiment/ecommerce/{experiment}.yaml") as file:
        header = file.read()
    for line in ("Question:", "Command:", "Takes:", "Published:"):
        assert f"# {line}" in header
    with initialize_config_dir(CONF, version_base="1.3"):
        cfg = compose("train", overrides=[f"experiment=ecommerce/{experiment}"])
    assert cfg.study == experiment
    assert OmegaConf.is_config(cfg.data)
