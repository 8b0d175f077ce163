"""The page of architectures, against figures worked out from the runs."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from experiments.architectures import main
from experiments.study_page import BEGIN, END

TASKS = {
    "click": {"kind": "binary", "metrics": ["auc", "log_loss"]},
    "like": {"kind": "binary", "metrics": ["auc", "log_loss"]},
}


@pytest.fixture
def page(factory, tmp_path):
    for model, quality in (("single_task", 0.0), ("ple", 0.01), ("mmoe", 0.02)):
        for seed in range(3):
            factory.run(model, seed=seed, quality=quality, tasks=TASKS)
    path = tmp_path / "docs" / "page.md"
    path.parent.mkdir()
    path.write_text(f"# Title\n\n{BEGIN}\nof before\n{END}\n\nLast words.\n")
    return path


def rows_of(text):
    tables = [part for part in text.split("\n\n") if part.startswith("| model")]
    return [
        {line.split(" | ")[0]: line.strip("| ").split(" | ") for line in t.splitlines()}
        for t in tables
    ]


def test_tables_hold_the_means_of_the_runs(factory, page):
    assert main([str(factory.path), str(page)]) == 0
    first, second = rows_of(page.read_text())
    assert list(first)[2:] == ["| `mmoe`", "| `ple`", "| `single_task`"]  # by delta_m
    records = [
        json.loads(path.read_text()) for path in factory.path.rglob("result.json")
    ]
    for model in ("mmoe", "ple", "single_task"):
        runs = [record for record in records if record["model"] == model]
        for table, metric in ((first, "auc"), (second, "log_loss")):
            for column, task in ((1, "click"), (2, "like")):
                assert table["| model"][column] == f"{task} {metric}"
                values = [run["test"][task][metric] for run in runs]
                half = stats.t.ppf(0.975, 2) * np.std(values, ddof=1) / np.sqrt(3)
                cell = table[f"| `{model}`"][column].strip("*† ")
                assert cell == f"{np.mean(values):.4f} ± {half:.4f}"
        speed = np.mean([200 / run["train_seconds"] for run in runs])
        assert first[f"| `{model}`"][-1] == f"{speed:.0f}"
    assert first["| `mmoe`"][1].startswith("**")


def test_what_is_written_by_hand_stays_and_a_second_call_changes_nothing(factory, page):
    main([str(factory.path), str(page)])
    text = page.read_text()
    assert text.startswith("# Title\n")
    assert text.endswith(f"{END}\n\nLast words.\n")
    assert "of before" not in text
    assert "](page/headlines.png)" in text
    assert (page.parent / "page" / "headlines.png").stat().st_size > 1000
    figures = pd.read_csv(page.parent / "page" / "results.csv")
    assert set(figures["model"]) == {"single_task", "ple", "mmoe"}
    main([str(factory.path), str(page)])
    assert page.read_text() == text


def test_what_cannot_be_read_is_said(factory, page, capsys):
    page.write_text("no marks")
    assert main([str(factory.path), str(page)]) == 1
    assert "expected one <!-- tables: begin -->" in capsys.readouterr().err
    assert main([str(factory.path / "nowhere"), str(page)]) == 1
    assert "found no folder" in capsys.readouterr().err
