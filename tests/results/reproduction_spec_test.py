"""Reading a table: what is in it, and what each mistake is told."""

import copy
import functools
import operator

import pytest

from mtlx.results.reproduction.fields import SpecError
from mtlx.results.reproduction.parse import parse_spec
from mtlx.results.reproduction.spec import Published, Rule, reduce_spec

TABLE = {
    "title": "A table",
    "source": "Somebody, 2020, Table 1",
    "seeds": 10,
    "reduced_seeds": 2,
    "overrides": ["data=synthetic_mmoe"],
    "tuning": {
        "grid": {"optimizer.learning_rate": [0.1, 0.2]},
        "seeds": [7],
        "task": "task_1",
        "metric": "rmse",
    },
    "rule": {"kind": "equivalent", "margin": 0.01, "because": "so"},
    "columns": [
        {
            "name": "loss",
            "task": "task_1",
            "metric": "rmse",
            "digits": 3,
            "square": True,
        }
    ],
    "rows": [
        {
            "name": "A",
            "overrides": ["model=mmoe"],
            "published": {"loss": {"mean": 0.2, "std": 0.1, "n": 5}},
        },
        {"name": "B", "call": {"_target_": "some.function"}, "published": {"loss": 1}},
        {"name": "C", "published": {"loss": 0.4}},
    ],
    "claims": [{"text": "A below C", "column": "loss", "lower": "A", "higher": "C"}],
}

CHANGE = {
    "name": "loss",
    "against": "A",
    "of": ["loss"],
    "digits": 1,
    "higher_is_better": False,
}
SHORT = {"overrides": ["trainer.epochs=1"], "what": "1 epoch", "because": "short"}
PAIRED = {"text": "A is best", "column": "loss", "none_better": "A"}


def changed(path, value=None):
    """TABLE with one entry set, or left out where `value` is None."""
    table = copy.deepcopy(TABLE)
    *way, last = path
    place = functools.reduce(operator.getitem, way, table)
    if value is None:
        del place[last]
    else:
        place[last] = value
    return table


def test_a_whole_table():
    spec = parse_spec(TABLE, "somebody", "table")
    assert spec.name == "somebody/table"
    assert spec.rule == Rule("equivalent", 0.01, "so")
    assert spec.rows[0].published["loss"] == Published(0.2, std=0.1, n=5)
    assert spec.rows[1].published["loss"] == Published(1)
    assert [row.name for row in spec.runnable] == ["A", "B"]
    assert spec.tuning.grid == {"optimizer.learning_rate": (0.1, 0.2)}
    assert spec.columns[0].square and spec.columns[0].scale == 1.0
    assert (spec.tried, spec.departures, spec.unavailable) == ((), (), "")


def test_what_may_be_left_out():
    for key in ("reduced_seeds", "overrides", "tuning", "claims"):
        parse_spec(changed([key]), "p", "t")
    assert parse_spec(changed(["reduced_seeds"]), "p", "t").reduced_seeds == 10


CHANGE_OF_TASKS = {"name": "loss", "task": "*", "metric": "rmse", "digits": 1} | {
    "higher_is_better": False,
    "baseline": "A",
}


def test_rows_of_one_task_each_and_a_change_over_all():
    table = changed(["columns"], [CHANGE_OF_TASKS])
    del table["tuning"]
    table["rows"][0]["each_task"] = ["a", "b"]
    spec = parse_spec(table, "p", "t")
    assert spec.rows[0].each_task == ("a", "b") and spec.columns[0].baseline == "A"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["columns", 0], CHANGE_OF_TASKS | {"task": "a"}, r"columns\[0\]: .* task 'a'"),
        (["columns", 0], CHANGE_OF_TASKS | {"baseline": "D"}, "baseline 'D'"),
        (["rows", 0, "each_task"], ["a"], "row 'A': expected .* no tuning"),
        (["rows", 1, "each_task"], ["a"], "row 'B': expected beside each_task overr"),
    ],
)
def test_a_mistake_with_single_tasks_is_named(path, value, message):
    with pytest.raises(SpecError, match=message):
        parse_spec(changed(path, value), "p", "t")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["title"], None, r"p/t: expected the fields .* no \['title'\]"),
        (["titel"], "A", r"found \['titel'\] beside them"),
        (["seeds"], "ten", "p/t.seeds: expected int, found 'ten'"),
        (["seeds"], True, "p/t.seeds: expected int, found True"),
        (["seeds"], 1, "reduced_seeds <= seeds, found 2 and 1"),
        (["reduced"], {"overrides": []}, r"p/t: reduced: .* no \['what', 'because'\]"),
        (["reduced"], SHORT | {"overrides": []}, "reduced.overrides: .* found nothing"),
        (["claims", 0], PAIRED | {"none_better": "D"}, r"claims\[0\]: expected a row"),
        (["claims", 0], PAIRED | {"among": ["D"]}, "a row from .*, found 'D'"),
        (["claims", 0], PAIRED, "higher_is_better and a value a run, found 'loss'"),
        (["claims", 0, "none_apart"], "A", r"found \['lower', 'higher'\] beside"),
        (["rule", "kind"], "close", "one of .'consistent', .* found 'close'"),
        (["rule", "margin"], 0.0, "margin: expected above 0"),
        (["rule", "resolution"], 0.1, r"found \['resolution'\] beside"),
        (["columns", 0, "digits"], "3", r"columns\[0\].digits: expected int"),
        (["columns"], [], "expected columns, each name once"),
        (["rows", 0, "call"], {"_target_": "f"}, r"rows\[0\]: .* found both"),
        (["rows", 1, "call"], {"seed": 1}, "expected a _target_"),
        (["rows", 2, "name"], "A", r"rows, each name once; found \['A'\]"),
        (["rows", 0, "published", "auc"], 0.5, "column from .'loss'., found 'auc'"),
        (["rows", 0, "published", "loss", "n"], 1, "n >= 2 beside std, found 1"),
        (["rows", 0, "published", "loss", "ci95"], 0.1, "one of std and ci95"),
        (["rows", 0, "published", "loss", "mean"], "x", "int or float, found 'x'"),
        (["claims", 0, "higher"], "D", "a row from .*, found 'D'"),
        (["claims", 0, "column"], "auc", "a column from"),
        (["tuning", "seeds"], [], "expected seeds and values"),
        (["needs"], "images", "p/t.needs: expected list, found 'images'"),
        (["columns", 0, "against"], "A", r"columns\[0\]: expected the fields"),
        (["columns", 0], CHANGE | {"against": "D"}, "against: expected a row from"),
        (["columns", 0], CHANGE | {"of": ["auc"]}, "of: expected a column from"),
        (["columns", 0], CHANGE | {"of": []}, "in `of` a column or more"),
        (["columns", 0], CHANGE | {"against": ["A", "B"]}, r"found .'loss'. and .'A'"),
        (["rows", 0, "columns"], ["auc"], r"rows\[0\].columns: expected a column"),
        (["rows", 0, "columns"], [], r"published: expected a column from ..,"),
    ],
)
def test_each_mistake_is_named(path, value, message):
    with pytest.raises(SpecError, match=message):
        parse_spec(changed(path, value), "p", "t")


def test_a_change_needs_columns_that_have_a_direction():
    table = changed(["columns"], [TABLE["columns"][0], CHANGE | {"name": "change"}])
    with pytest.raises(SpecError, match=r"columns\[1\].of: .* 'loss', which says"):
        parse_spec(table, "p", "t")
    table["columns"][0]["higher_is_better"] = False
    assert parse_spec(table, "p", "t").columns[1].of == ("loss",)


def test_rows_against_one_are_all_others_or_those_named():
    for key, apart in (("none_better", False), ("none_apart", True)):
        claim = {"text": "so", "column": "loss", key: "B"}
        table = changed(["claims"], [claim, claim | {"among": ["A", "B"]}])
        table["columns"][0]["higher_is_better"] = False
        of_all, of_some = parse_spec(table, "p", "t").claims
        assert (of_all.reference, of_all.apart) == ("B", apart)
        assert (of_all.among, of_some.among) == (("A", "C"), ("A",))


def test_a_reduced_table_changes_what_is_trained_alone():
    table = changed(["reduced"], SHORT)
    table["rows"][2] |= {"overrides": ["model=ple"], "not_comparable": "other data"}
    spec = parse_spec(table, "p", "t")
    short = reduce_spec(spec)
    assert not spec.is_reduced and short.is_reduced
    trained, called, other = short.rows
    assert trained.overrides == ("model=mmoe", "trainer.epochs=1")
    assert trained.not_comparable == "short" and called == spec.rows[1]
    assert other.not_comparable == "other data"


@pytest.mark.parametrize("content", [None, [], "text"])
def test_no_mapping(content):
    with pytest.raises(SpecError, match="p/t: expected fields, found"):
        parse_spec(content, "p", "t")
