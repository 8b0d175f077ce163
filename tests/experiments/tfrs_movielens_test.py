"""The tutorial's experiment on made-up films, and its page from made-up runs."""

import hashlib
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hydra import compose, initialize_config_dir

import mtlx.compose
from experiments.ecommerce import tfrs_movielens
from experiments.record import _comparable
from experiments.train import CONF
from mtlx.data.builders.movielens_100k_source import PUBLISHED
from mtlx.results.store import load_study
from mtlx.types import Signals
from tests.data.movielens_files import RATINGS, write_100k
from tests.results import made_up

EXPERIMENT = "experiment=ecommerce/tfrs_movielens"
TASKS = {
    "rating": {"kind": "regression", "metrics": ["rmse"]},
    "next_item": {
        "kind": "retrieval",
        "metrics": ["accuracy@100", "accuracy@10", "mrr"],
    },
}
VALUES = {"rmse": 1.1, "accuracy@100": 0.2, "accuracy@10": 0.02, "mrr": 0.01}


def composed(*overrides):
    with initialize_config_dir(CONF, version_base="1.3"):
        return compose("train", overrides=[EXPERIMENT, *overrides])


@pytest.fixture
def films(tmp_path, monkeypatch):
    folder = write_100k(tmp_path / "raw")
    sha256 = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in PUBLISHED.sha256
    }
    module = sys.modules["mtlx.data.movielens_100k"]
    monkeypatch.setattr(module, "PUBLISHED", PUBLISHED._replace(sha256=sha256))
    monkeypatch.setenv("MTLX_DATA_DIR", str(folder))
    monkeypatch.setenv("MTLX_CACHE_DIR", str(tmp_path / "cache"))
    return folder


@pytest.mark.parametrize("read", ["[]", "[next_item]", "[rating]"])
def test_the_experiment_is_the_tutorials_model(films, read):
    parts = mtlx.compose.build(composed(f"model.read={read}"))
    data = parts.dataset
    assert [task.name for task in data.tasks] == ["rating", "next_item"]
    assert data.tasks[1].loss.keywords == {"remove_accidental_hits": False}
    assert len(data.train.labels["rating"]) == round(0.8 * RATINGS)
    (catalogue,) = data.catalogues.values()
    assert catalogue.seen is None and not catalogue.offered[0]
    features = jax.tree.map(lambda x: x[:4], dict(data.test.features))
    shapes = jax.eval_shape(parts.model.init, jax.random.key(0), features)["params"]
    assert set(shapes) == {"encoder", "tower_rating"}  # no other parameters
    rows = sum(data.schema.cardinalities)
    assert shapes["encoder"]["embedding"].shape == (rows, 32)
    tower = shapes["tower_rating"]["mlp"]
    widths = [tower[f"dense_{k}"]["kernel"].shape for k in (0, 1)]
    assert widths == [(64, 256), (256, 128)]
    assert parts.model.untrained() == tuple(n for n in [read.strip("[]")] if n)
    signals = Signals(jnp.ones(2))
    weights, _ = parts.balancer.update(signals, parts.balancer.init(2))
    assert weights.tolist() == [1, 8000]
    if read == "[]":
        result = parts.fit(
            parts.model,
            data,
            parts.balancer,
            parts.optimizer,
            batch_size=64,
        )
        assert (result.best_epoch, int(result.state.step)) == (3, 9)
        assert np.isfinite(result.test["rating"]["rmse"])
        assert 0 < result.test["next_item"]["accuracy@10"] <= 1


def test_where_the_data_lie_does_not_make_another_run():
    here, there = (
        composed(f"data.dataset.data_dir={folder}") for folder in ("/here", "/there")
    )
    assert _comparable(here) == _comparable(there)
    assert "dataset" in _comparable(here)["data"]


@pytest.mark.parametrize("experiment", ["tfrs_movielens", "sasrec_beauty"])
def test_the_header_states_its_case(experiment):
    with open(f"{CONF}/experiment/ecommerce/{experiment}.yaml") as file:
        header = file.read()
    for line in ("Question:", "Command:", "Takes:", "Published:"):
        assert f"# {line}" in header


@pytest.fixture
def study(tmp_path, monkeypatch):
    for name, value in VALUES.items():
        monkeypatch.setitem(made_up.BASE, name, value)
    factory = made_up.StudyFactory(tmp_path / "films")
    for read in tfrs_movielens.VARIANTS:
        for seed in range(2):
            factory.run(
                "recommendation/two_tower",
                "constant",
                seed,
                tasks=TASKS,
                data="movielens_100k_tfrs",
                overrides=[f"model.read={read}"],
                folder=f"{read.strip('[]') or 'both'}/{seed}",
                test={"rating": {"rmse": 1.0 + seed}},
            )
    return factory.path


def test_the_page_has_published_and_own_figures(study, tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("before\n\n<!-- tables: begin -->old<!-- tables: end -->\n\nafter")
    assert tfrs_movielens.main([str(study), str(page)]) == 0
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("after") and "old" not in text
    (row,) = [
        line for line in text.splitlines() if line.startswith("| retrieval alone")
    ]
    # Half of the spread of two seeds times t(.975, 1 degree) over the root of two.
    assert row.startswith("| retrieval alone | 0.233 | 3.688 | 0.2")
    assert "| 1.5000 ± 6.3531 |" in row
    assert tfrs_movielens.main([str(study), str(tmp_path / "none.md")]) == 1
    assert "none.md" in capsys.readouterr().err


def test_a_study_that_lacks_a_variant_is_refused(study):
    whole = load_study(study)
    runs = {run: r for run, r in whole.records.items() if not run.startswith("rating/")}
    with pytest.raises(ValueError, match=r"model.read=\[rating\].*tfrs_movielens"):
        tfrs_movielens.table(whole._replace(records=runs))
