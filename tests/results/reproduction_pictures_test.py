"""Pictures of a table: what is drawn, and what a wrong entry is told."""

import copy
import json

import numpy as np
import pytest
from scipy import stats

from mtlx.results.reproduction.drawings import draw_pictures
from mtlx.results.reproduction.fields import SpecError
from mtlx.results.reproduction.judge import judge_table
from mtlx.results.reproduction.parse import parse_spec
from mtlx.results.reproduction.writers import WRITERS
from tests.results.reproduction_spec_test import TABLE

PANEL = {"title": "loss", "metric": "rmse", "square": True, "tasks": ["task_1"]}
CURVES = {
    "name": "figure1",
    "kind": "curves",
    "title": "Figure 1",
    "panels": [
        PANEL | {"rows": {"the first": "A", "the second": "B"}},
        {
            "title": "weights",
            "split": "train",
            "metric": "weight",
            "tasks": {"one": "task_1", "two": "task_2"},
            "rows": ["A"],
            "logarithmic": True,
        },
    ],
}
HISTOGRAM = {
    "name": "figure2",
    "kind": "histogram",
    "title": "Figure 2",
    "column": "loss",
    "bins_per_unit": 10,
    "across": 2,
    "rows": {"A": {1: 1, 3: 3}, "B": {}},
}
COLUMNS = [TABLE["columns"][0], TABLE["columns"][0] | {"name": "at 20", "step": 20}]
ROWS = [
    TABLE["rows"][0] | {"published": {"at 20": 0.3}},
    *TABLE["rows"][1:],
]
DRAWN = TABLE | {
    "columns": COLUMNS,
    "rows": ROWS,
    "pictures": [CURVES, HISTOGRAM],
}
RMSE = {"A": [[2.0, 0.6], [4.0, 0.8]], "B": [[1.0, 0.1], [3.0, None]]}  # [run][record]


def run(values):
    series = {10: values[0]} | ({20: values[1]} if values[1] else {})
    weights = {f"task_{i}": {10: 0.5 * i, 20: 0.25 * i} for i in (1, 2)}
    return {("validation", "task_1", "rmse"): series} | {
        ("train", task, "weight"): of for task, of in weights.items()
    }


@pytest.fixture
def record():
    histories = {row: dict(enumerate(map(run, of))) for row, of in RMSE.items()}
    runs = {
        row: {seed: {"task_1": {"rmse": of[1]}} for seed, of in enumerate(every)}
        for row, every in RMSE.items()
    }
    return judge_table(parse_spec(DRAWN, "somebody", "table"), runs, {}, histories)


def test_the_record_is_plain_and_names_its_pictures(record):
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    text = WRITERS["md"](record)
    assert "![Figure 1](table_figure1.png)" in text
    assert "![Figure 2](table_figure2.png)" in text
    assert set(draw_pictures(record)) == {"table", "table_figure1", "table_figure2"}


def test_a_curve_is_the_mean_with_its_interval_and_the_published_points(record):
    axis = draw_pictures(record)["table_figure1"].axes[0]
    lines = {line.get_label(): line for line in axis.lines}
    first, second = lines["the first"], lines["the second"]
    np.testing.assert_array_equal(first.get_xdata(), [10, 20])
    # (4 + 16) / 2 and (.36 + .64) / 2; the second row's other run ended before step 20.
    np.testing.assert_allclose(first.get_ydata(), [10.0, 0.5])
    np.testing.assert_allclose(second.get_ydata(), [1.0, 0.01])
    (band,) = axis.collections
    half = stats.t.ppf(0.975, 1) * np.array([6.0, 0.14])  # s / sqrt 2 of two runs
    vertices = {tuple(np.round(v, 3)) for v in band.get_paths()[0].vertices}
    for step, mean, width in zip((10, 20), (10.0, 0.5), half, strict=True):
        assert (step, round(mean - width, 3)) in vertices
        assert (step, round(mean + width, 3)) in vertices
    (points,) = (x for x in axis.lines if x.get_marker() == "D" and len(x.get_xdata()))
    assert (points.get_xdata(), points.get_ydata()) == ((20,), (0.3,))
    assert points.get_color() == first.get_color()


def test_a_panel_of_one_row_has_a_line_a_task(record):
    axis = draw_pictures(record)["table_figure1"].axes[1]
    lines = {line.get_label(): list(line.get_ydata()) for line in axis.lines}
    assert lines == {"one": [0.5, 0.25], "two": [1.0, 0.5]}
    assert axis.get_yscale() == "log"
    names = [text.get_text() for text in axis.get_legend().get_texts()]
    assert names == ["one", "two"]


def test_a_histogram_has_shares_of_runs_beside_the_published(record):
    axes = draw_pictures(record)["table_figure2"].axes
    bars = [(b.get_x(), b.get_width(), b.get_height()) for b in axes[0].patches[:2]]
    # .36 and .64 lie in the bins 3 and 6 of tenths.
    np.testing.assert_allclose(bars, [(0.3, 0.1, 0.5), (0.6, 0.1, 0.5)])
    (printed,) = (p for p in axes[0].patches if hasattr(p, "get_data"))
    found = printed.get_data()
    np.testing.assert_allclose(found.values, [0.25, 0.0, 0.75])
    np.testing.assert_allclose(found.edges, [0.1, 0.2, 0.3, 0.4])
    (bar,) = axes[1].patches
    assert (bar.get_x(), bar.get_height()) == (0.0, 1.0)
    assert axes[1].get_title(loc="left") == "B (n=1)"


def test_runs_without_a_value_are_counted(record):
    curves, histogram = record["pictures"]
    lines = curves["panels"][0]["lines"]
    assert [(line["n"], line["left_out"]) for line in lines] == [(2, 0), (1, 1)]
    assert [row["left_out"] for row in histogram["rows"]] == [0, 1]


def test_nothing_run_has_no_pictures():
    record = judge_table(parse_spec(DRAWN, "somebody", "table"), {}, {}, {})
    assert draw_pictures(record) == {}
    assert "figure" not in WRITERS["md"](record)


def test_a_metric_that_histories_lack_is_named():
    spec = parse_spec(DRAWN, "p", "t")
    runs = {"A": {0: {"task_1": {"rmse": 1.0}}}}
    histories = {"A": {0: {("validation", "task_1", "rmse"): {20: 1.0}}}}
    with pytest.raises(KeyError, match="'train', 'task_1', 'weight'.*panel 'weights'"):
        judge_table(spec, runs, {}, histories)


def test_many_columns_go_on_in_further_lines():
    columns = [TABLE["columns"][0] | {"name": f"loss {i}"} for i in range(5)]
    rows = [{"name": "A", "call": {"_target_": "f"}}]
    table = TABLE | {"columns": columns, "rows": rows, "claims": []}
    runs = {"A": {0: {"task_1": {"rmse": 0.5}}}}
    figure = draw_pictures(judge_table(parse_spec(table, "p", "t"), runs, {}))["t"]
    assert [axis.get_title(loc="left") for axis in figure.axes] == [
        f"loss {i}" for i in range(5)
    ]
    assert figure.axes[4].get_position().y1 < figure.axes[0].get_position().y0


@pytest.mark.parametrize(
    ("number", "change", "message"),
    [
        (0, {"kind": "lines"}, r"pictures\[0\]: expected a kind from .* found 'lines'"),
        (0, {"name": "figure2"}, "of unlike names .* found .'figure2', 'figure2'."),
        (0, {"name": "Figure 1"}, "small letters, digits and _"),
        (0, {"column": "loss"}, r"found \['column'\] beside them"),
        (0, {"panels": []}, "panels: expected one or more"),
        (0, {"panels": [PANEL]}, r"panels\[0\]: .* no \['rows'\]"),
        (0, {"panels": [PANEL | {"rows": ["D"]}]}, "rows: expected a row from"),
        (0, {"panels": [PANEL | {"rows": []}]}, "found 0 rows and 1 tasks"),
        (
            0,
            {"panels": [PANEL | {"rows": ["A", "B"], "tasks": ["x", "y"]}]},
            "found 2 rows and 2 tasks. Make a panel a row",
        ),
        (
            0,
            {"panels": [PANEL | {"rows": ["A"], "split": "tests"}]},
            "split: expected a split from",
        ),
        (1, {"column": "auc"}, "column: expected a column from"),
        (1, {"bins_per_unit": 0}, "bins_per_unit: expected above 0, found 0"),
        (1, {"across": 0}, "across: expected above 0"),
        (1, {"rows": {}}, "rows: expected one or more"),
        (1, {"rows": {"D": {}}}, "rows: expected a row from"),
        (1, {"rows": {"A": {1: -1}}}, r"rows\[A\]: expected bin: number of runs"),
        (1, {"rows": {"A": {0.5: 1}}}, r"found \{0.5: 1\}"),
        (1, {"rows": {"A": 3}}, "found 3"),
    ],
)
def test_each_mistake_is_named(number, change, message):
    pictures = copy.deepcopy(DRAWN["pictures"])
    pictures[number] |= change
    with pytest.raises(SpecError, match=message):
        parse_spec(DRAWN | {"pictures": pictures}, "p", "t")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"step": "20"}, r"columns\[0\].step: expected int, found '20'"),
        ({"at_least": "much"}, "at_least: expected int or float"),
        ({"rule": {"kind": "close"}}, r"columns\[0\].rule.kind: expected one of"),
    ],
)
def test_each_mistake_of_a_column_is_named(change, message):
    with pytest.raises(SpecError, match=message):
        parse_spec(TABLE | {"columns": [COLUMNS[0] | change]}, "p", "t")
