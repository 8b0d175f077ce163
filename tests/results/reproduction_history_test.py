"""Columns of a step, shares of runs, and rules of a column's own."""

import math

import numpy as np
import pytest

from mtlx.results.reproduction.history import (
    needs_histories,
    read_history,
    scores_at,
    stack,
)
from mtlx.results.reproduction.judge import column_values, judge_table
from mtlx.results.reproduction.parse import parse_spec
from mtlx.results.reproduction.spec import Column
from mtlx.results.reproduction.writers import WRITERS
from tests.results.reproduction_spec_test import TABLE

AT_20 = Column("x", "task_1", "rmse", 3, square=True, step=20)


def history(values, task="task_1"):
    """A run scored every ten steps."""
    return {
        ("validation", task, "rmse"): {10 * i + 10: v for i, v in enumerate(values)}
    }


def scores(value):
    return {"task_1": {"rmse": value}}


def test_a_column_of_a_step_reads_the_validation_split_after_it():
    histories = {4: history([0.9, 0.5, 0.3]), 1: history([0.9, 0.7, 0.3])}
    runs = {4: scores(0.1), 1: scores(0.1)}
    np.testing.assert_allclose(column_values(AT_20, runs, histories), [0.49, 0.25])
    end = AT_20._replace(step=None)
    np.testing.assert_allclose(column_values(end, runs, histories), [0.01, 0.01])


def test_a_run_that_ended_before_the_step_has_no_value():
    found = column_values(AT_20, {0: scores(math.nan)}, {0: history([0.9])})
    assert found.shape == (1,) and math.isnan(found[0])


def test_a_step_between_two_records_is_refused():
    with pytest.raises(ValueError, match=r"found 25 and the steps \[10, 20, 30\]"):
        scores_at(history([3.0, 2.0, 1.0]), 25)


def test_a_step_counts_tasks_of_the_validation_split_alone():
    both = history([1.0, 2.0]) | history([3.0, 6.0], "task_2")
    both[("train", "task_1", "loss")] = {20: 9.0}
    assert scores_at(both, 20) == {"task_1": {"rmse": 2.0}, "task_2": {"rmse": 6.0}}
    mean = Column("x", "*", "rmse", 3, step=20)
    assert list(column_values(mean, {0: {}}, {0: both})) == [4.0]


def test_the_share_of_runs_with_at_least_a_value():
    """Of .04, .2 (no less), .25 and a run without a value; the square counts."""
    runs = {s: scores(v) for s, v in enumerate([0.2, 0.2**0.5 + 1e-9, 0.5, None])}
    share = Column("x", "task_1", "rmse", 2, square=True, at_least=0.2)
    np.testing.assert_array_equal(column_values(share, runs), [0, 1, 1, math.nan])


def test_a_column_may_have_a_rule_of_its_own():
    """Ours is .02 below .2: beyond the table's margin of .01, within .1."""
    own = {"kind": "equivalent", "margin": 0.1, "because": "it is coarse"}
    loss = TABLE["columns"][0]
    columns = [loss, loss | {"name": "coarse", "rule": own}]
    rows = [{**TABLE["rows"][0], "published": {"loss": 0.2, "coarse": 0.2}}]
    table = TABLE | {"columns": columns, "rows": rows, "claims": []}
    runs = {"A": {s: scores(v) for s, v in enumerate((0.18**0.5, 0.181**0.5))}}
    record = judge_table(parse_spec(table, "p", "t"), runs, {})
    verdicts = [cell["verdict"] for cell in record["cells"]]
    assert verdicts == ["not reproduced", "reproduced"]
    assert "* coarse: equivalent, 0.1, because it is coarse." in WRITERS["md"](record)


def test_a_history_is_read_from_the_file_of_a_run(tmp_path):
    path = tmp_path / "epochs.csv"
    path.write_text(
        "epoch,step,split,task,metric,value\n"
        "1,5,train,task_1,loss,2.5\n1,5,validation,task_1,rmse,1.5\n"
        "2,10,validation,task_1,rmse,nan\n"
    )
    found = read_history(path)
    assert found["train", "task_1", "loss"] == {5: 2.5}
    series = found["validation", "task_1", "rmse"]
    assert series[5] == 1.5 and math.isnan(series[10])


def test_runs_that_lack_a_step_are_left_out_of_the_whole_mean():
    series = [{1: 5.0, 2: 4.0}, {1: 3.0}, {1: 2.0, 2: math.nan}, {1: 1.0, 2: 0.0}]
    steps, values = stack(series)
    assert steps == [1, 2] and values.tolist() == [[5.0, 4.0], [1.0, 0.0]]
    assert stack([])[0] == []


def test_histories_are_needed_for_steps_and_curves_alone():
    panel = {"title": "p", "metric": "rmse", "tasks": ["task_1"], "rows": ["A"]}
    curves = {"name": "c", "kind": "curves", "title": "c", "panels": [panel]}
    step = [TABLE["columns"][0] | {"step": 3}]
    for change, needed in (({}, False), ({"pictures": [curves]}, True)):
        assert needs_histories(parse_spec(TABLE | change, "p", "t")) == needed
    assert needs_histories(parse_spec(TABLE | {"columns": step}, "p", "t"))
