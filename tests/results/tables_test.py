import csv
import io
import math

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from mtlx.results.captions import describe_table
from mtlx.results.store import load_study
from mtlx.results.summary import GROUP, summarise
from mtlx.results.tables import lay_out, to_csv, to_markdown, to_rich

DATA = "census_income_sample"


def markdown_rows(text):
    return [
        [c.strip() for c in line.strip("|\n ").split("|")] for line in text.split("\n")
    ]


def terminal(table, **options):
    console = Console(file=io.StringIO(), width=200, **options)
    console.print(table)
    return console.file.getvalue()


def test_markdown_has_a_row_a_pair_and_the_best_in_bold(filled):
    summary = summarise(load_study(filled.path), DATA)
    header, rule, *rows = markdown_rows(to_markdown(summary).strip())
    assert header == [
        *("model", "balancer", "runs", "income auc ↑", "married auc ↑", "age rmse ↓"),
        *("Δm % ↓", "Δp % ↑", "parameters", "train s"),
    ]
    assert len(rule) == len(header) and len(rows) == 6
    bold = [row[:2] for row in rows for cell in row[3:4] if cell.startswith("**")]
    assert bold == [["mmoe", "pcgrad"]]
    best = summary.query("task == 'income' and best").iloc[0]
    assert rows[3][3] == f"**{best['mean']:.4f} ± {best['ci95']:.4f}**"


def test_each_compared_column_has_one_best(filled):
    grid = lay_out(summarise(load_study(filled.path), DATA, "all"))
    counts = [sum(row[c].best for row in grid.rows) for c in range(len(grid.header))]
    assert counts == [0] * 3 + [1] * (8 + 2) + [0] * 2


def test_tied_has_a_dagger_and_is_underlined(factory):
    for model, shift in (("a", 0.0), ("b", 0.001), ("c", -0.1)):
        for seed in range(3):
            auc = 0.8 + shift + 0.01 * seed
            factory.run(model, seed=seed, test={"income": {"auc": auc}})
    summary = summarise(load_study(factory.path), DATA)
    rows = markdown_rows(to_markdown(summary).strip())[2:]
    assert [row[3][-1] for row in rows] == ["†", "*", "8"]
    text = terminal(to_rich(summary, "t"), force_terminal=True, color_system=None)
    assert "0.8100 ± 0.0248" in text
    styled = terminal(to_rich(summary, "t"), force_terminal=True)
    assert "\x1b[4m0.8100" in styled and "\x1b[1m0.8110" in styled


def test_terminal_table_holds_every_cell(filled):
    summary = summarise(load_study(filled.path), DATA)
    text = terminal(to_rich(summary, "compare"))
    for row in lay_out(summary).rows:
        for cell in row:
            assert cell.text in text


def test_one_seed_reads_na(factory):
    factory.run("single_task", test={"income": {"auc": 0.8}})
    text = to_markdown(summarise(load_study(factory.path), DATA))
    assert "**0.8000 ± n/a**" in text
    assert "+0.00 ± n/a" in text


def test_fewer_values_than_runs_are_said(factory):
    for seed, auc in enumerate([0.9, 0.8, math.nan]):
        factory.run(seed=seed, test={"income": {"auc": auc}})
    text = to_markdown(summarise(load_study(factory.path), DATA))
    assert "(n=2)" in text


def test_zero_has_no_sign_of_minus():
    row = {"quantity": "delta_m", "task": "", "metric": "headline", "mean": -1e-17}
    names = {**dict.fromkeys(GROUP, ""), "runs": 2, "ci95": 0.1, "n": 2}
    flags = {"higher_is_better": False, "best": False, "tied": False}
    grid = lay_out(pd.DataFrame([{**names, **row, **flags}]))
    assert grid.rows[0][3].text == "+0.00 ± 0.10"


def test_csv_round_trips(filled):
    study = load_study(filled.path)
    table = list(csv.DictReader(io.StringIO(to_csv(study))))
    read = [row for row in table if row["metric"] != "headline"]
    summary = summarise(study, DATA, "all")
    for column in ("model", "balancer", "quantity", "task", "metric"):
        assert [row[column] for row in read] == summary[column].tolist()
    for column in ("mean", "ci95", "n", "runs"):
        exact = [float(row[column]) for row in read]
        np.testing.assert_array_equal(exact, summary[column].to_numpy())
    deltas = [row["metric"] for row in table if row["quantity"] == "delta_p"]
    assert (deltas.count("all"), deltas.count("headline")) == (6, 6)


def test_csv_holds_every_data_set(factory):
    factory.run(data="one")
    factory.run(data="two", tasks={"click": {"kind": "binary", "metrics": ["auc"]}})
    table = pd.read_csv(io.StringIO(to_csv(load_study(factory.path))))
    tasks = table.query("quantity == 'metric'").groupby("data")["task"].unique()
    assert list(tasks["one"]) == ["income", "married", "age"]
    assert list(tasks["two"]) == ["click"]


@pytest.mark.parametrize(
    ("over", "words"), [("headline", "the headline metric"), ("all", "all metrics")]
)
def test_caption_says_what_the_deltas_span(filled, over, words):
    text = " ".join(describe_table(load_study(filled.path), DATA, over, "†"))
    assert words in text and "3 single_task (equal) runs" in text
    assert "Welch" in text and "95 %" in text
    assert ("Δp = −Δm" in text) == (over == "headline")


def test_caption_notes_a_missing_baseline(factory):
    factory.run()
    text = " ".join(describe_table(load_study(factory.path), DATA, "headline", "†"))
    assert "n/a: no finished single_task run" in text and "model=single_task" in text


def test_settings_have_a_column_where_they_differ(factory):
    factory.run("single_task")
    for rate in ("0.1", "0.2"):
        settings = f"optimizer.learning_rate={rate}"
        factory.run(folder=rate, overrides=[settings])
    study = load_study(factory.path)
    header, _, *rows = markdown_rows(to_markdown(summarise(study, DATA)).strip())
    assert header[:4] == ["model", "balancer", "settings", "runs"]
    assert [row[2] for row in rows] == [
        *("", "optimizer.learning_rate=0.1", "optimizer.learning_rate=0.2")
    ]
    text = " ".join(describe_table(study, DATA, "headline", "†"))
    assert "single_task runs of the same settings" in text
