"""Intervals of shares of runs, against the examples of the paper."""

import math

import pytest

from mtlx.results.reproduction.judge import judge_table
from mtlx.results.reproduction.parse import parse_spec
from mtlx.results.reproduction.shares import (
    share_difference_between,
    share_difference_from,
)
from mtlx.results.reproduction.spec import Published
from mtlx.results.reproduction.writers import WRITERS
from tests.results.reproduction_spec_test import TABLE


def runs(count, n):
    return [1.0] * count + [0.0] * (n - count)


@pytest.mark.parametrize(
    ("a", "b", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_newcombes_examples(a, b, low, high):
    """Newcombe 1998, Table II, method 10."""
    found = share_difference_between(runs(*a), runs(*b))
    assert found.mean == pytest.approx(a[0] / a[1] - b[0] / b[1])
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-5)
    printed = Published(b[0] / b[1], n=b[1])
    same = share_difference_from(runs(*a), printed, digits=9)
    assert same == pytest.approx(found, abs=1e-8)


def test_a_printed_share_without_runs_is_exact_but_for_its_rounding():
    """Wilson's interval of 0 of 4 ends at z^2 / (n + z^2)."""
    found = share_difference_from(runs(0, 4), Published(0.25), digits=2)
    z2 = 1.959964**2
    assert found.low == pytest.approx(-0.25 - 0.005)
    assert found.high == pytest.approx(z2 / (4 + z2) - 0.25 + 0.005, abs=1e-6)


def test_one_run_has_no_interval():
    found = share_difference_between([1.0], runs(0, 9))
    assert found.mean == 1.0 and math.isnan(found.low) and math.isnan(found.high)


def test_few_runs_that_are_all_alike_show_nothing_of_a_share():
    """None of four is no evidence against 6 of 100; Welch's interval would say so."""
    rule = {"kind": "consistent", "resolution": 0.15, "because": "so"}
    share = TABLE["columns"][0] | {"name": "share", "at_least": 0.2, "rule": rule}
    rows = [
        {"name": name, "call": {"_target_": "f"}, "published": {"share": value}}
        for name, value in (("A", {"mean": 0.06, "n": 100}), ("C", 0.9))
    ]
    claim = {"text": "A below C", "column": "share", "lower": "A", "higher": "C"}
    table = TABLE | {"columns": [share], "rows": rows, "claims": [claim]}
    found = {
        row: {seed: {"task_1": {"rmse": rmse}} for seed in range(4)}
        for row, rmse in (("A", 0.1), ("C", 0.9))
    }
    record = judge_table(parse_spec(table, "p", "t"), found, {})
    assert record["cells"][0]["verdict"] == "not comparable"
    # All of four above none of four is one, though.
    assert record["claims"][0]["verdict"] == "reproduced"
    assert "Newcombe's 95 % interval of two shares" in WRITERS["md"](record)
