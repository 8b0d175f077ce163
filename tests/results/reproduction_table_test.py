"""A judged table and its four renderings."""

import csv
import io
import json
import math
from html.parser import HTMLParser

import pytest

from mtlx.results.reproduction.judge import column_values, count_verdicts, judge_table
from mtlx.results.reproduction.parse import parse_spec
from mtlx.results.reproduction.picture import draw_table
from mtlx.results.reproduction.spec import Column, reduce_spec
from mtlx.results.reproduction.writers import WRITERS
from tests.results.reproduction_spec_test import TABLE

RUNS = {
    "A": {s: {"task_1": {"rmse": r}} for s, r in enumerate((0.44, 0.45, 0.45))},
    "B": {0: {"task_1": {"rmse": 1.1}}, 1: {"task_1": {"rmse": 1.1}}},
}
FACTS = {"command": "python -m x", "machine": "2 cores"}


@pytest.fixture
def record():
    return judge_table(parse_spec(TABLE, "somebody", "table"), RUNS, FACTS)


def test_the_record_is_plain(record):
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    verdicts = {cell["row"]: cell["verdict"] for cell in record["cells"]}
    assert verdicts["B"] == "not reproduced"
    assert verdicts["C"] == "not run"
    assert record["claims"][0]["verdict"] == "not run"
    assert record["seeds"] == {"published": 10, "run": 3}
    counts = count_verdicts(record)
    assert counts["not run"] == 2 and sum(counts.values()) == 4


def test_values_are_squared_scaled_and_averaged_over_tasks():
    runs = {
        3: {"a": {"rmse": 2.0}, "b": {"rmse": 4.0}},
        1: {"a": {"rmse": None}, "b": {"rmse": 1.0}},
    }
    squared = Column("x", "a", "rmse", 2, scale=100.0, square=True)
    values = column_values(squared, runs)
    assert math.isnan(values[0]) and values[1] == 400.0
    mean = column_values(Column("x", "*", "rmse", 2), {3: runs[3]})
    assert list(mean) == [3.0]


def test_the_best_run_is_that_of_the_named_metric():
    runs = {
        s: {"a": {"auc": a}, "b": {"auc": b}}
        for s, (a, b) in enumerate([(0.7, 0.9), (0.8, 0.1)])
    }
    best = Column("best", "b", "auc", 2, best_by=("a", "auc"))
    assert list(column_values(best, runs)) == [0.1]
    assert column_values(best, {}).size == 0


CHANGE = {"name": "gain", "against": "A", "of": ["loss", "hit"], "digits": 2}


def _with_change(higher):
    hit = {"name": "hit", "task": "task_1", "metric": "hit", "digits": 2}
    change = CHANGE | {"higher_is_better": higher}
    columns = [
        TABLE["columns"][0] | {"higher_is_better": False, "square": False},
        hit | {"higher_is_better": True},
        change,
    ]
    return TABLE | {"columns": columns}


@pytest.mark.parametrize("higher", [True, False])
def test_a_change_against_a_row(higher):
    def run(loss, hit):
        return {"task_1": {"rmse": loss, "hit": hit}}

    runs = {"A": {0: run(1.0, 0.4), 1: run(3.0, 0.4)}, "B": {5: run(1.0, 0.5)}}
    cells = judge_table(parse_spec(_with_change(higher), "p", "t"), runs, {})["cells"]
    found = {c["row"]: c["ours"] for c in cells if c["column"] == "gain"}
    sign = 1 if higher else -1
    # The baseline is (2, .4): B's loss halves and its hits grow by a quarter.
    assert found["B"]["mean"] == pytest.approx(sign * 100 * (0.5 + 0.25) / 2)
    assert found["A"]["mean"] == pytest.approx(0.0) and found["A"]["n"] == 2
    assert found["C"]["n"] == 0


def test_a_change_may_be_against_a_row_for_each_column():
    table = _with_change(True)
    table["columns"][2] |= {"against": ["A", "B"]}
    only_loss = {"name": "A", "overrides": [], "columns": ["loss"]}
    only_hit = {"name": "B", "overrides": [], "columns": ["hit"]}
    table |= {"rows": [only_loss, only_hit, {"name": "C", "overrides": []}]}
    runs = {
        "A": {0: {"task_1": {"rmse": 2.0}}},
        "B": {0: {"task_1": {"hit": 0.4}}},
        "C": {0: {"task_1": {"rmse": 1.0, "hit": 0.5}}},
    }
    record = judge_table(parse_spec(table | {"claims": []}, "p", "t"), runs, {})
    cells = {(c["row"], c["column"]): c["ours"]["mean"] for c in record["cells"]}
    assert cells == {
        ("A", "loss"): 2.0,
        ("B", "hit"): 0.4,
        ("C", "loss"): 1.0,
        ("C", "hit"): 0.5,
        ("C", "gain"): pytest.approx(100 * (0.5 + 0.25) / 2),
    }
    lines = WRITERS["tex"](record).splitlines()
    assert any(line.startswith("A & 2.000 / -- &  & ") for line in lines)
    assert draw_table(record) is not None


def test_a_change_against_a_row_without_runs_is_not_run():
    runs = {"B": {0: {"task_1": {"rmse": 1.0, "hit": 0.5}}}}
    cells = judge_table(parse_spec(_with_change(True), "p", "t"), runs, {})["cells"]
    assert {c["ours"]["n"] for c in cells if c["column"] == "gain"} == {0}


def test_a_metric_that_runs_lack_is_named():
    with pytest.raises(KeyError, match="'auc' of task 'a', found .*rmse"):
        column_values(Column("x", "a", "auc", 2), {0: {"a": {"rmse": 1.0}}})


def test_markdown_has_both_values_and_says_reduced(record):
    text = WRITERS["md"](record)
    assert "| A | 0.200 ± " in text
    assert "0.200 (sd 0.100) (n=5)" in text
    assert "| C | not run | 0.400 |  | not run |  |" in text
    assert "Reduced: 3 of the 10 runs a row" in text
    assert "equivalent, 0.01, because so" in text
    assert "(2 points x seeds [7])" in text
    assert "* machine: 2 cores" in text


def test_a_reduced_table_says_so_and_compares_nothing_but_its_own_rows():
    short = {"overrides": ["a=1"], "what": "8 of 100 epochs", "because": "too short"}
    claim = {"text": "A below B", "column": "loss", "lower": "A", "higher": "B"}
    table = TABLE | {"reduced": short, "claims": [claim]}
    table["rows"] = [row | {"overrides": []} for row in TABLE["rows"]]
    table["rows"][1].pop("call")
    spec = reduce_spec(parse_spec(table, "p", "t"))
    record = judge_table(spec, RUNS, {})
    cells = {cell["row"]: (cell["verdict"], cell["reason"]) for cell in record["cells"]}
    assert cells["A"] == cells["B"] == ("not comparable", "too short")
    assert record["claims"][0]["verdict"] == "reproduced"
    text = "Reduced: 8 of 100 epochs, 3 of the 10 runs a row of the published protocol."
    for kind in ("md", "html"):
        assert text in WRITERS[kind](record)
    nothing = judge_table(spec, {}, {})
    assert "Reduced" not in WRITERS["md"](nothing)


def test_not_reduced_where_the_published_number_ran(record):
    record["seeds"]["run"] = 10
    assert "Reduced" not in WRITERS["md"](record)


def test_the_picture_has_ours_and_published_where_they_are(record):
    axis = draw_table(record).axes[0]
    dots = [container.lines[0] for container in axis.containers]
    at = {(d.get_marker(), round(d.get_ydata()[0])): d.get_xdata()[0] for d in dots}
    ours, printed = {0: (0.44**2 + 2 * 0.45**2) / 3, 1: 1.1**2}, {0: 0.2, 1: 1, 2: 0.4}
    expected = {("o", k): v for k, v in ours.items()}
    expected |= {("D", k): v for k, v in printed.items()}
    assert at == pytest.approx(expected)
    assert [label.get_text() for label in axis.get_yticklabels()] == ["A", "B", "C"]


def test_nothing_run_has_no_picture():
    spec = parse_spec(TABLE, "somebody", "table")
    assert draw_table(judge_table(spec, {}, {})) is None


def test_csv_has_full_precision(record):
    rows = list(csv.DictReader(io.StringIO(WRITERS["csv"](record))))
    assert [row["kind"] for row in rows] == ["cell"] * 3 + ["claim"]
    expected = (0.44**2 + 2 * 0.45**2) / 3
    assert float(rows[0]["ours_mean"]) == pytest.approx(expected, rel=1e-12)
    assert rows[0]["published_std"] == "0.1" and rows[2]["ours_mean"] == ""


def test_latex_is_one_table(record):
    text = WRITERS["tex"](record)
    assert text.count(r"\\") == 4 and r"\toprule" in text
    assert r"$\pm$" in text and r"-- / 0.400 \\" in text
    assert r"$\times$" in text
    record["columns"][0]["name"] = "AUC % _of_"
    for cell in record["cells"]:
        cell["column"] = "AUC % _of_"
    assert r"AUC \% \_of\_" in WRITERS["tex"](record)


def test_html_is_whole_and_escaped(record):
    class Page(HTMLParser):
        open, classes = [], []

        def handle_starttag(self, tag, attributes):
            self.classes += [v for k, v in attributes if k == "class"]
            if tag != "meta":
                self.open.append(tag)

        def handle_endtag(self, tag):
            assert self.open.pop() == tag

    record["title"] = "<b> & c"
    text = WRITERS["html"](record)
    page = Page()
    page.feed(text)
    assert page.open == [] and "not-reproduced" in page.classes
    assert "&lt;b&gt; &amp; c" in text and "<b>" not in text


def test_data_that_are_not_free_and_what_was_tried_are_said(record):
    record |= {"unavailable": "behind a form", "tried": ["a longer run"]}
    for kind in ("md", "html"):
        text = WRITERS[kind](record)
        assert "not free to have: behind a form" in text and "a longer run" in text
