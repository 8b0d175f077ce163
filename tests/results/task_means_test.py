"""Many tasks in a few figures: against figures worked out from the runs."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from experiments import many_tasks
from experiments.study_page import BEGIN, END
from mtlx.results.store import load_study
from mtlx.results.task_means import average_ranks, task_means

FIELDS = {f"field_{n}": {"kind": "binary", "metrics": ["auc"]} for n in range(3)}
SCHOOLS = {f"school_{n}": {"kind": "regression", "metrics": ["rmse"]} for n in range(3)}
LABELS = {"school_0": [1.0, 3.0], "school_1": [2.0], "school_2": [0.0, 4.0, 8.0]}
QUALITY = {"equal": 0.02, "upgrad": 0.05, "mgda": -0.01}


@pytest.fixture
def study(factory):
    """Two data sets, `single_task` and three balancers, three seeds each."""
    for data, tasks in (("landmine", FIELDS), ("school", SCHOOLS)):
        methods = [("single_task", "equal", 0.0)]
        methods += [("shared_bottom", b, quality) for b, quality in QUALITY.items()]
        for model, balancer, quality in methods:
            for seed in range(3):
                folder = factory.run(
                    model,
                    balancer,
                    seed,
                    quality=quality,
                    data=data,
                    tasks=tasks,
                    folder=f"{data}/{model}/{balancer}/{seed}",
                    # No test row of the last field has a mine.
                    test={"field_2": {"auc": None}} if data == "landmine" else None,
                )
                (folder / "config.yaml").write_text("data: {}\n")
    return load_study(factory.path)


def values_of(study, data, model, balancer):
    """[seeds, tasks] of the records, without the field that has no AUC."""
    tasks = list(FIELDS)[:2] if data == "landmine" else list(SCHOOLS)
    metric = "auc" if data == "landmine" else "rmse"
    return np.array(
        [
            [record["test"][task][metric] for task in tasks]
            for record in study.records.values()
            if (record["data"], record["model"], record["balancer"])
            == (data, model, balancer)
        ]
    )


@pytest.mark.parametrize(("data", "sign"), [("landmine", -1), ("school", 1)])
def test_a_run_is_its_mean_over_tasks_and_its_drop(study, data, sign):
    rows = task_means(study, data)
    assert list(rows["method"])[:3] == ["single_task"] * 3
    base = values_of(study, data, "single_task", "equal").mean(axis=0)
    for balancer in QUALITY:
        values = values_of(study, data, "shared_bottom", balancer)
        of = rows[rows["method"] == balancer].sort_values("seed")
        np.testing.assert_allclose(of["mean"], values.mean(axis=1))
        drop = sign * 100 * ((values - base) / base).mean(axis=1)
        np.testing.assert_allclose(of["delta_m"], drop)
    seconds = study.costs.set_index("run")["train_seconds"]
    steps = 200  # four epochs of fifty
    expected = 1e3 * seconds[rows["run"]].to_numpy() / steps
    np.testing.assert_allclose(rows["step_ms"], expected)


@pytest.mark.parametrize("data", ["landmine", "school"])
def test_ranks_are_those_of_the_means_of_each_task(study, data):
    methods = {"single_task": values_of(study, data, "single_task", "equal")}
    methods |= {b: values_of(study, data, "shared_bottom", b) for b in QUALITY}
    means = np.array([values.mean(axis=0) for values in methods.values()])
    ranks = stats.rankdata(means if data == "school" else -means, axis=0)
    expected = pd.Series(ranks.mean(axis=1), list(methods))
    found = average_ranks(study, data)
    np.testing.assert_allclose(found[list(methods)], expected)
    assert found.index[0] == "upgrad"


def test_the_explained_variance_is_that_of_all_rows():
    labels = {task: np.array(y) for task, y in LABELS.items()}
    draw = np.random.default_rng(0)
    outputs = {task: y + draw.normal(size=len(y)) for task, y in labels.items()}
    rmse = {t: [np.sqrt(np.mean((outputs[t] - y) ** 2))] for t, y in labels.items()}
    error = sum(np.sum((outputs[t] - y) ** 2) for t, y in labels.items())
    pooled = np.concatenate(list(labels.values()))
    expected = 100 * (1 - error / len(pooled) / pooled.var())
    found = many_tasks.explained_variance(pd.DataFrame(rmse), labels)
    assert found.item() == pytest.approx(expected)


@pytest.fixture
def page(tmp_path, monkeypatch):
    rows = {task: np.array(y) for task, y in LABELS.items()}
    monkeypatch.setattr(many_tasks, "_test_rows", lambda study, data: rows)
    path = tmp_path / "page.md"
    path.write_text(f"# Title\n\n{BEGIN}\nof before\n{END}\n\nLast words.\n")
    return path


def test_the_page_has_a_table_a_data_set_the_best_on_top(study, page, capsys):
    assert many_tasks.main([str(study.path), str(page)]) == 0
    text = page.read_text()
    assert text.startswith("# Title") and text.endswith("Last words.\n")
    assert "of before" not in text and "### landmine, 2 tasks" in text
    first, second = (p for p in text.split("\n\n") if p.startswith("| method"))
    assert "explained variance" in second and "explained variance" not in first
    for found in (first, second):
        lines = [line.strip("| ").split(" | ") for line in found.splitlines()[2:]]
        assert [line[0] for line in lines] == [
            "`upgrad`",
            "`equal`",
            "`single_task`",
            "`mgda`",
        ]
        assert all(line[1] == "3" for line in lines)
    values = values_of(study, "landmine", "shared_bottom", "upgrad").mean(axis=1)
    half = stats.t.ppf(0.975, 2) * values.std(ddof=1) / np.sqrt(3)
    assert f"| `upgrad` | 3 | {values.mean():.4f} ± {half:.4f} |" in first
    assert (page.with_suffix("") / "means.png").stat().st_size > 10_000
    rows = pd.read_csv(page.with_suffix("") / "runs.csv")
    assert len(rows) == 24 and rows["explained"].notna().sum() == 12


def test_without_single_tasks_there_is_no_drop(factory):
    for seed in range(2):
        factory.run("mmoe", seed=seed, tasks=FIELDS, data="landmine")
    rows = task_means(load_study(factory.path), "landmine")
    assert rows["mean"].notna().all() and rows["delta_m"].isna().all()


def test_refusals(factory, page, capsys):
    for seed in range(2):
        for model in ("mmoe", "ple"):
            factory.run(model, seed=seed, tasks=FIELDS, data="landmine")
    assert many_tasks.main([str(factory.path), str(page)]) == 1
    assert "expected runs of one model beside single_task" in capsys.readouterr().err
    for record in factory.path.rglob("result.json"):
        content = json.loads(record.read_text())
        content["tasks"]["field_0"]["metrics"] = ["log_loss", "auc"]
        for split in ("validation", "test"):
            content[split]["field_0"]["log_loss"] = 0.1
        record.write_text(json.dumps(content))
    assert many_tasks.main([str(factory.path), str(page)]) == 1
    assert "one headline metric, found ['auc', 'log_loss']" in capsys.readouterr().err
