import math

import numpy as np
import pytest

from mtlx.results.comparison_table import comparisons_to_csv, lay_out_comparisons
from mtlx.results.comparisons import compare_methods, compare_tasks, rank_study
from mtlx.results.paired import holm, paired_tests
from mtlx.results.store import load_study

DATA = "census_income_sample"


def values(study, model, balancer, task, metric):
    rows = study.runs.query(
        "model == @model and balancer == @balancer and task == @task and "
        "metric == @metric and split == 'test'"
    )
    return rows.sort_values("seed")["value"].to_numpy()


def test_every_other_row_is_compared_with_the_baseline(filled):
    study = load_study(filled.path)
    table = compare_tasks(study, DATA)
    rows = table[["model", "balancer"]].drop_duplicates().to_numpy().tolist()
    assert sorted(rows) == [
        ["mmoe", "equal"],
        ["mmoe", "pcgrad"],
        ["ple", "equal"],
        ["ple", "pcgrad"],
        ["single_task", "pcgrad"],
    ]
    assert len(table) == 15 and set(table["n"]) == {3}


@pytest.mark.parametrize(
    ("task", "metric", "sign"), [("income", "auc", 1), ("age", "rmse", -1)]
)
def test_gains_are_paired_and_positive_where_better(filled, task, metric, sign):
    study = load_study(filled.path)
    table = compare_tasks(study, DATA)
    row = table.query("model == 'ple' and balancer == 'equal' and task == @task").iloc[
        0
    ]
    a = sign * values(study, "ple", "equal", task, metric)
    b = sign * values(study, "single_task", "equal", task, metric)
    tests = paired_tests(a, b)
    assert row["gain"] == pytest.approx(np.mean(a - b)) and row["gain"] < 0
    assert row["low"] <= row["gain"] <= row["high"]
    assert (row["p_t"], row["p_wilcoxon"]) == (tests.t, tests.wilcoxon)
    assert table["p_t_holm"].to_numpy() == pytest.approx(holm(table["p_t"]))


def test_only_seeds_of_both_sides_are_pairs(factory):
    for seed in range(4):
        factory.run("single_task", seed=seed)
    for seed in (2, 3, 9):
        factory.run("mmoe", seed=seed, quality=0.01)
    table = compare_tasks(load_study(factory.path), DATA)
    assert set(table["n"]) == {2}
    methods = compare_methods(load_study(factory.path), DATA)
    assert methods["improvement"].tolist() == [1.0]  # all seven runs


def test_methods_over_all_tasks(filled):
    methods = compare_methods(load_study(filled.path), DATA).set_index(
        ["model", "balancer"]
    )
    assert methods.loc[("mmoe", "pcgrad"), "improvement"] == 1.0
    assert methods.loc[("ple", "equal"), "improvement"] == 0.0
    assert methods.loc[("mmoe", "equal"), "iqm"] == pytest.approx(1.0, abs=0.2)
    assert methods.loc[("ple", "equal"), "iqm"] == pytest.approx(-2.0, abs=0.2)


def test_ranks_have_a_block_a_seed(filled):
    ranking = rank_study(load_study(filled.path), DATA)
    assert ranking.blocks == 3
    assert ranking.average.index[0] == "mmoe, pcgrad"
    assert ranking.average.index[-1] == "ple, equal"
    assert ranking.average.iloc[-1] == 6.0


def test_without_a_baseline_nothing_is_compared(factory):
    for seed in range(3):
        factory.run("mmoe", seed=seed)
    study = load_study(factory.path)
    assert lay_out_comparisons(study, DATA) is None
    assert rank_study(study, DATA) is None
    assert len(comparisons_to_csv(study).splitlines()) == 1


def test_the_table_marks_what_holds_after_correction(factory):
    for seed in range(6):
        factory.run("single_task", seed=seed)
        factory.run("mmoe", seed=seed, quality=0.05)
        factory.run("ple", seed=seed, test={"age": {"rmse": math.nan}})
    grid = lay_out_comparisons(load_study(factory.path), DATA)
    mmoe, ple = ([cell.text for cell in row] for row in grid.rows)
    assert mmoe[:2] == ["mmoe", "equal"]
    assert all(text.startswith("+") and text.endswith("] *") for text in mmoe[2:5])
    assert mmoe[5:7] == ["6", "1.00 [1.00, 1.00]"]
    assert not ple[2].endswith("*")
    assert ple[4] == ple[6] == ple[7] == "n/a"


def test_the_report_shows_it(filled):
    from mtlx.results.report import write_report

    report = write_report(filled.path)
    for path in (report.markdown, report.html):
        text = path.read_text(encoding="utf-8")
        assert "Against single-task, seed by seed" in text
        assert "Holm" in text and "likely better" in text
    lines = report.comparisons.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + 15
