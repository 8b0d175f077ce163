"""The table of QM9 run whole, on molecules by hand, with a smaller network."""

import json
from pathlib import Path

import numpy as np
import pytest

from experiments import reproduce
from experiments.reproduce_spec import load_spec
from tests.data.qm9_files import write_qm9

TASKS = ("mu", "U0")
SMALL = (
    "data.tasks=[mu,U0]",
    "data.validation_rows=8",
    "data.test_rows=8",
    "encoder.width=4",
    "encoder.hidden=3",
    "model.bottom_widths=[4]",
    "trainer.epochs=2",
    "trainer.batch_size=8",
)


def small_spec(name):
    """Two rows, two tasks and the columns of these."""
    spec = load_spec(name)
    rows = tuple(
        row._replace(
            each_task=TASKS if row.each_task else (),
            published={k: v for k, v in row.published.items() if k != "alpha"},
        )
        for row in spec.rows
        if row.name in ("STL", "Nash-MTL")
    )
    columns = tuple(c for c in spec.columns if c.name in (*TASKS, "delta_m %"))
    overrides = (*spec.overrides, *SMALL)
    return spec._replace(rows=rows, columns=columns, overrides=overrides)


def test_the_table_runs_in_units(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MTLX_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MTLX_CACHE_DIR", str(tmp_path / "cache"))
    values = write_qm9(tmp_path / "data" / "qm9" / "raw", copies=10)
    monkeypatch.setattr(reproduce, "all_devices", lambda: 1)
    monkeypatch.setattr(reproduce, "load_spec", small_spec)
    words = ["paper=nash_mtl", "table=qm9", "seeds=1", "output=out"]
    assert reproduce.main(words) == 0
    cells = json.loads(Path("out/nash_mtl/qm9.json").read_text())["cells"]
    ours = {(cell["row"], cell["column"]): cell["ours"]["mean"] for cell in cells}
    # Of the size of what the property spreads, in meV: hundreds of kcal/mol are not.
    spread = 43.36414 * np.ptp(values["u0_atom"])
    assert 0.01 * spread < ours["STL", "U0"] < 2 * spread
    changes = [ours["Nash-MTL", t] / ours["STL", t] - 1 for t in TASKS]
    assert ours["Nash-MTL", "delta_m %"] == pytest.approx(100 * np.mean(changes))
    assert ours["STL", "delta_m %"] == pytest.approx(0.0, abs=1e-9)
    results = Path("runs/reproduce/nash_mtl/qm9").rglob("result.json")
    assert len(list(results)) == len(TASKS) + 1
