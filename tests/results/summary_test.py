import math

import numpy as np
import pandas as pd
import pytest

from mtlx.results.statistics import mean_interval
from mtlx.results.store import load_study
from mtlx.results.summary import baseline_runs, measure_runs, summarise

DATA = "census_income_sample"
CLICK = {"click": {"kind": "binary", "metrics": ["auc"]}}


def entry(summary, model, balancer, quantity, task="", metric=None):
    rows = summary[
        (summary["model"] == model)
        & (summary["balancer"] == balancer)
        & (summary["quantity"] == quantity)
        & (summary["task"] == task)
    ]
    if metric is not None:
        rows = rows[rows["metric"] == metric]
    assert len(rows) == 1
    return rows.iloc[0]


def test_rows_are_in_order_with_the_baseline_first(filled):
    summary = summarise(load_study(filled.path), DATA)
    order = summary[["model", "balancer"]].drop_duplicates().to_numpy().tolist()
    assert order == [
        [model, balancer]
        for model in ("single_task", "mmoe", "ple")
        for balancer in ("equal", "pcgrad")
    ]


def test_entries_are_means_over_seeds(filled):
    study = load_study(filled.path)
    row = entry(summarise(study, DATA), "ple", "pcgrad", "metric", "age")
    values = study.runs.query(
        "model == 'ple' and balancer == 'pcgrad' and split == 'test' and "
        "task == 'age' and metric == 'rmse'"
    )["value"]
    assert len(values) == 3
    assert (row["mean"], row["ci95"], row["n"]) == mean_interval(values)
    assert row["higher_is_better"] is False


def test_headline_and_all(filled):
    study = load_study(filled.path)
    columns = {
        over: summarise(study, DATA, over).query("quantity == 'metric'")[
            ["task", "metric"]
        ]
        for over in ("headline", "all")
    }
    heads = columns["headline"].drop_duplicates().to_numpy().tolist()
    assert heads == [["income", "auc"], ["married", "auc"], ["age", "rmse"]]
    assert len(columns["all"].drop_duplicates()) == 8


@pytest.mark.parametrize("over", ["headline", "all"])
def test_deltas_are_against_the_single_task_mean(filled, over):
    study = load_study(filled.path)
    metrics = study.runs.query("split == 'test'")
    if over == "headline":
        metrics = metrics[metrics["metric"].isin(["auc", "rmse"])]
    base = (
        metrics.query("model == 'single_task' and balancer == 'equal'")
        .groupby(["task", "metric"])["value"]
        .mean()
    )
    mine = metrics.query("model == 'mmoe' and balancer == 'pcgrad' and seed == 1")
    mine = mine.set_index(["task", "metric"])["value"]
    sign = pd.Series([1 if m in ("auc", "accuracy") else -1 for _, m in base.index])
    gain = (mine.loc[base.index] - base) / base * sign.to_numpy()
    run = f"{DATA}/mmoe/pcgrad/1"
    measured = measure_runs(study, DATA, over).loc[run]
    assert measured["delta_m", "", over] == pytest.approx(-100 * gain.mean())
    assert measured["delta_p", "", over] == pytest.approx(
        100 * gain.groupby("task").mean().mean()
    )
    summary = summarise(study, DATA, over)
    assert entry(summary, "mmoe", "pcgrad", "delta_m")["mean"] == pytest.approx(
        -2, abs=0.3
    )
    assert entry(summary, "single_task", "equal", "delta_m")["mean"] == pytest.approx(
        0, abs=1e-12
    )


def test_the_baseline_is_any_single_task_run_without_equal(factory):
    factory.run("single_task", "pcgrad", 0)
    factory.run("single_task", "cagrad", 0)
    factory.run("mmoe", "equal", 0)
    study = load_study(factory.path)
    assert baseline_runs(study, DATA, "") == [
        f"{DATA}/single_task/{balancer}/0" for balancer in ("cagrad", "pcgrad")
    ]
    factory.run("single_task", "equal", 0)
    study = load_study(factory.path)
    assert baseline_runs(study, DATA, "") == [f"{DATA}/single_task/equal/0"]


def test_the_baseline_is_of_the_same_data(factory):
    factory.run("single_task", data="other")
    factory.run("mmoe")
    study = load_study(factory.path)
    assert baseline_runs(study, DATA, "") == []
    assert len(summarise(study, "other")["model"].unique()) == 1


def test_runs_are_compared_with_the_baseline_of_their_settings(factory):
    for settings, auc in (("trainer=a", 0.5), ("trainer=b", 0.8)):
        for model, gain in (("single_task", 1.0), ("mmoe", 1.1)):
            factory.run(
                model,
                tasks=CLICK,
                test={"click": {"auc": auc * gain}},
                overrides=[settings],
                folder=f"{model}/{settings}",
            )
    factory.run("ple", tasks=CLICK, test={"click": {"auc": 0.65}})
    summary = summarise(load_study(factory.path), DATA).query("quantity == 'delta_p'")
    means = dict(
        zip(summary["model"] + summary["settings"], summary["mean"], strict=True)
    )
    assert means == pytest.approx(
        {
            "single_tasktrainer=a": 0,
            "single_tasktrainer=b": 0,
            "mmoetrainer=a": 10,
            "mmoetrainer=b": 10,
            "ple": 0,  # none of its settings: against the mean of all, .65
        },
        abs=1e-9,
    )


def test_without_single_task_deltas_are_nan(factory):
    for seed in range(2):
        factory.run(seed=seed)
    summary = summarise(load_study(factory.path), DATA)
    for delta in ("delta_m", "delta_p"):
        row = entry(summary, "mmoe", "equal", delta)
        assert math.isnan(row["mean"]) and row["n"] == 0 and not row["best"]


def test_missing_seeds(filled):
    folder = filled.path / DATA / "ple" / "equal" / "2"
    (folder / "result.json").unlink()
    study = load_study(filled.path)
    row = entry(summarise(study, DATA), "ple", "equal", "metric", "income")
    assert (row["runs"], row["n"]) == (2, 2)
    assert [run.as_posix() for run in study.unfinished] == [f"{DATA}/ple/equal/2"]


def test_nan_is_left_out_of_means_and_undefines_deltas(factory):
    factory.run("single_task")
    for seed, auc in enumerate([0.9, 0.8, math.nan]):
        factory.run(seed=seed, test={"income": {"auc": auc}})
    summary = summarise(load_study(factory.path), DATA)
    row = entry(summary, "mmoe", "equal", "metric", "income")
    assert row["mean"] == pytest.approx(0.85)
    assert (row["runs"], row["n"]) == (3, 2)
    assert entry(summary, "mmoe", "equal", "delta_m")["n"] == 2


def test_a_metric_that_no_run_defines_has_no_best(factory):
    for seed in range(2):
        factory.run(seed=seed, test={"income": {"auc": math.nan}})
    summary = summarise(load_study(factory.path), DATA)
    row = entry(summary, "mmoe", "equal", "metric", "income")
    assert math.isnan(row["mean"]) and not row["best"] and not row["tied"]


def test_one_seed_has_no_interval_and_no_test(factory):
    factory.run("single_task", test={"income": {"auc": 0.8}})
    factory.run("mmoe", test={"income": {"auc": 0.9}})
    rows = summarise(load_study(factory.path), DATA).query("task == 'income'")
    assert rows["ci95"].isna().all()
    assert rows["best"].tolist() == [False, True]
    assert not rows["tied"].any()


def test_best_and_tied(factory):
    values = {
        "a": [0.90, 0.91, 0.92],
        "b": [0.89, 0.91, 0.92],  # not told from a
        "c": [0.70, 0.71, 0.72],  # told from a
    }
    for model, seeds in values.items():
        for seed, auc in enumerate(seeds):
            factory.run(model, seed=seed, tasks=CLICK, test={"click": {"auc": auc}})
    rows = summarise(load_study(factory.path), DATA).query("task == 'click'")
    assert rows["best"].tolist() == [True, False, False]
    assert rows["tied"].tolist() == [False, True, False]


def test_best_of_a_loss_is_the_lowest(factory):
    tasks = {"age": {"kind": "regression", "metrics": ["rmse"]}}
    for model, rmse in (("a", 3.0), ("b", 2.0)):
        factory.run(model, tasks=tasks, test={"age": {"rmse": rmse}})
    rows = summarise(load_study(factory.path), DATA).query("task == 'age'")
    assert rows["best"].tolist() == [False, True]


def test_costs_are_means_and_never_best(filled):
    summary = summarise(load_study(filled.path), DATA)
    costs = summary[summary["quantity"].isin(["num_parameters", "train_seconds"])]
    assert not costs["best"].any() and not costs["tied"].any()
    row = entry(summary, "mmoe", "equal", "train_seconds")
    assert row["mean"] == np.mean([3.0, 4.0, 5.0])
