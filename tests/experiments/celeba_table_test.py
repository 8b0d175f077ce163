"""Tables of CelebA run whole, on made-up files, with smaller networks."""

import functools
import json
from pathlib import Path

import numpy as np
import pytest

from experiments import reproduce
from experiments.reproduce_spec import load_spec
from tests.data.celeba_files import write_celeba

TASKS = ("Male", "Smiling")
SMALL = (
    "data.tasks=[Male,Smiling]",
    "data.size=8",
    "encoder.image.widths=[3,4]",
    "trainer.epochs=2",
    "trainer.batch_size=16",
)
RESULTS = {
    "famo/celeba": ("encoder.image.convolutions=[1,1]", "model.bottom_widths=[5]"),
    "kurin2022/celeba": ("encoder.image.blocks=[1,1]",),
}


def small_spec(name, rows):
    """The table with few rows, two tasks and a small network."""
    spec = load_spec(name)
    kept = tuple(
        row._replace(each_task=TASKS if row.each_task else ())
        for row in spec.rows
        if row.name in rows
    )
    return spec._replace(rows=kept, overrides=(*spec.overrides, *SMALL, *RESULTS[name]))


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs some rows of a table where the data lie."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MTLX_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MTLX_CACHE_DIR", str(tmp_path / "cache"))
    write_celeba(tmp_path / "data" / "celeba", [0] * 48 + [1] * 16 + [2] * 16)
    monkeypatch.setattr(reproduce, "all_devices", lambda: 1)

    def run(paper, rows, *arguments):
        load = functools.partial(small_spec, rows=rows)
        monkeypatch.setattr(reproduce, "load_spec", load)
        words = [f"paper={paper}", "table=celeba", "seeds=2", "output=out", *arguments]
        assert reproduce.main(words) == 0
        return json.loads(Path(f"out/{paper}/celeba.json").read_text())["cells"]

    return run


def test_delta_m_is_against_networks_of_one_task(run):
    """A seed counts when each of its tasks has had its run."""
    cells = run("famo", ("STL", "FAMO"))
    ours = {(cell["row"], cell["column"]): cell["ours"] for cell in cells}
    results = list(Path("runs/reproduce/famo/celeba").rglob("result.json"))
    f1 = {"stl": {}, "famo": {}}
    for path in results:
        record = json.loads(path.read_text())
        of = {task: scores["f1"] for task, scores in record["test"].items()}
        row = path.parts[4].split("-")[0]
        f1[row].setdefault(record["seed"], {}).update(of)
        alone = f"tasks={[*of][0]}"
        assert path.parts[5] == ("as_specified" if row == "famo" else alone)
    assert len(results) == 2 * len(TASKS) + 2
    values = {r: np.array([[f1[r][s][t] for t in TASKS] for s in (0, 1)]) for r in f1}
    assert ours["STL", "mean F1"]["mean"] == pytest.approx(values["stl"].mean())
    base = values["stl"].mean(axis=0)
    change = -100 * np.mean((values["famo"] - base) / base, axis=1)
    assert ours["FAMO", "delta_m %"]["mean"] == pytest.approx(change.mean())
    assert ours["STL", "delta_m %"]["mean"] == pytest.approx(0.0, abs=1e-9)
    lost = next(p for p in results if "tasks=Smiling" in p.parts)
    lost.unlink()
    cells = run("famo", ("STL", "FAMO"), "run=false")
    counts = {c["row"]: c["ours"]["n"] for c in cells if c["column"] == "mean F1"}
    assert counts == {"STL": 1, "FAMO": 2}


def test_the_table_of_accuracies(run):
    cells = run("kurin2022", ("Unitary scalarisation", "MGDA"))
    assert [cell["column"] for cell in cells] == ["mean accuracy"] * 2
    assert all(0 <= c["ours"]["mean"] <= 1 and c["ours"]["n"] == 2 for c in cells)
    assert cells[0]["published"]["ci95"] == 0.0008
