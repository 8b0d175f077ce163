"""`python -m experiments.reproduce` on what runs measured on their way."""

import functools
import json
from pathlib import Path

import pytest
import yaml

from experiments import reproduce
from experiments.outcome import Outcome
from experiments.reproduce_spec import load_spec
from mtlx.train import observers
from tests.experiments.reproduce_test import SMALL, constant

CALLS = []  # the seeds of each call of `together`


def together(seeds):
    """Seed s ends at s / 8, and was at s / 4 after step 2."""
    CALLS.append(tuple(seeds))
    return [
        Outcome(
            constant(seed / 8),
            [observers.Row(1, 2, "validation", "task_1", "rmse", seed / 4)],
        )
        for seed in seeds
    ]


def _stepwise():
    """SMALL with the rows of which a step is known, and a picture of it."""
    columns = [*SMALL["columns"], SMALL["columns"][0] | {"name": "early", "step": 2}]
    call = {"_target_": f"{__name__}.together"}
    rows = [SMALL["rows"][0] | {"published": {"early": 1.0}}]
    rows += [{"name": "Together", "call": call}, SMALL["rows"][1]]
    panel = {"title": "rmse", "metric": "rmse", "tasks": ["task_1"]}
    panel |= {"rows": ["Narrow", "Together"]}
    curves = {"name": "curves", "kind": "curves", "title": "Steps", "panels": [panel]}
    table = SMALL | {"columns": columns, "rows": rows, "pictures": [curves]}
    overrides = [x for x in SMALL["overrides"] if "steps_per_epoch" not in x]
    return table | {"overrides": [*overrides, "data.steps_per_epoch=2"]}


@pytest.fixture
def stepwise(tmp_path, monkeypatch):
    """A folder of this one table, and runs that go to a temporary folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(reproduce, "all_devices", lambda: 1)
    monkeypatch.setattr(reproduce, "choose_tables", lambda *_: ["nobody/small"])
    load = functools.partial(load_spec, folder=tmp_path / "tables")
    monkeypatch.setattr(reproduce, "load_spec", load)
    path = tmp_path / "tables" / "nobody" / "small.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump(_stepwise()))
    CALLS.clear()


def test_a_column_of_a_step_reads_what_runs_measured_on_their_way(stepwise):
    assert reproduce.main(["paper=nobody", "seeds=2", "output=out"]) == 0
    path = Path("out/nobody/small.json")
    record = json.loads(path.read_text())
    ours = {(c["row"], c["column"]): c["ours"] for c in record["cells"]}
    (files,) = {f.parent.parent for f in Path("runs").rglob("small/narrow*/*/*/*.csv")}
    first = [
        float(line.rsplit(",", 1)[1])
        for file in sorted(files.glob("*/epochs.csv"))
        for line in file.read_text().splitlines()
        if line.startswith("1,2,validation,task_1,rmse,")
    ]
    assert len(first) == 2
    assert ours["Narrow", "early"]["mean"] == pytest.approx(sum(first) / 2)
    assert ours["Together", "early"]["mean"] == 0.125
    assert ours["Together", "rmse"]["mean"] == 0.0625
    # A call that measured nothing on its way has its end alone.
    assert ours["Exact", "rmse"]["mean"] == 1.25
    assert ours["Exact", "early"]["mean"] is None
    line = record["pictures"][0]["panels"][0]["lines"][1]
    assert (line["steps"], line["mean"], line["n"]) == ([2], [0.125], 2)
    assert Path("out/nobody/small_curves.png").exists()
    assert '"steps": [ 2 ]' in path.read_text()

    # Seeds are called together, those that are missing alone.
    assert reproduce.main(["paper=nobody", "seeds=3", "output=out"]) == 0
    assert CALLS == [(0, 1), (2,)]


def test_the_published_histograms_are_the_published_means_and_shares():
    """Two hundred runs each; a bin's middle is off by less than a third of a bin."""
    spec = load_spec("mmoe/synthetic")
    published = {row.name: row.published for row in spec.rows}
    (histogram,) = (p for p in spec.pictures if p.name == "figure5")
    assert set(histogram.rows) == set(published)
    for row, counts in histogram.rows.items():
        loss, share, *_ = published[row].values()
        assert sum(counts.values()) == loss.n == 200
        mean = sum(n * (b + 0.5) / 30 for b, n in counts.items()) / 200
        assert mean == pytest.approx(loss.mean, abs=0.01)
        bad = sum(n for b, n in counts.items() if b >= 6)
        assert bad / 200 == pytest.approx(share.mean) and share.n == 200
