"""`python -m experiments.ablate`: a small study, and wrong arguments."""

import re
from pathlib import Path

import pandas as pd
import pytest

from experiments import ablate
from mtlx.results.store import load_study

SMALL = [
    "data=synthetic_mmoe",
    "data.dim=4",
    "data.eval_rows=64",
    "data.steps_per_epoch=4",
    "trainer=smoke",
    "trainer.batch_size=16",
    "model=shared_bottom",
    "model.bottom_widths=[4]",
    "model.tower_widths=[]",
    "study=small",
]
OVER = "over=[optimizer.learning_rate=1e-6,1e-1, balancer=equal,uncertainty]"


def test_factors_are_read_with_their_brackets():
    text = "[model.widths=[64,32],[8], balancer=equal,pcgrad, wrap=[],[{a:1,b:2}]]"
    assert ablate.read_factors(text) == {
        "model.widths": ("[64,32]", "[8]"),
        "balancer": ("equal", "pcgrad"),
        "wrap": ("[]", "[{a:1,b:2}]"),
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Expected over="),
        (["over=a=1,2"], "expected '.name=level,level, ....', found 'a=1,2'"),
        (["over=[1,a=2]"], "name=level first, found '1'"),
        (["over=[a=1,2,a=3,4]"], "found 'a' twice"),
        (["over=[a=1]"], "levels of a"),
        ([OVER, "design=latin"], "found .* 'latin'"),
        ([OVER, "seeds=0"], "above 0, found '0'"),
        ([OVER, "resume"], "name=value, found 'resume'"),
    ],
)
def test_a_wrong_argument_is_named(arguments, message, capsys):
    assert ablate.main(arguments) == 1
    assert re.search(message, capsys.readouterr().err)


def test_a_small_study(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ablate, "all_devices", lambda: 1)
    assert ablate.main([*SMALL, OVER, "seeds=2", "design=factorial"]) == 0
    folder = Path("runs/small")
    assert {"effects.md", "effects.csv", "effects.png"} <= {
        path.name for path in folder.iterdir()
    }
    table = pd.read_csv(folder / "effects.csv")
    assert len(table) == 3 * 2  # two main effects and their interaction, two tasks
    study = load_study(folder)
    runs = study.runs.query("split == 'test' and task == 'task_1' and metric == 'rmse'")
    means = runs.groupby(["balancer", "settings"])["value"].mean()
    slow, fast = (
        means[
            means.index.get_level_values("settings") == f"optimizer.learning_rate={x}"
        ]
        for x in ("1e-6", "1e-1")
    )
    row = table.query("effect == 'optimizer.learning_rate=1e-1'").iloc[0]
    assert row["quantity"] == "task_1 rmse" and row["n"] == 2
    assert row["gain"] == pytest.approx(slow.mean() - fast.mean(), rel=1e-6)
    text = (folder / "effects.md").read_text()
    assert "| `balancer=uncertainty` |" in text and "Design: factorial, 2 seeds" in text
    assert "Reference: optimizer.learning_rate=1e-6, balancer=equal" in text
    assert text in capsys.readouterr().out
