"""A claim of all rows against one, paired by seed."""

import csv
import io
import json
import math
import re

import numpy as np
import pytest
from scipy import stats

from mtlx.results.paired import holm
from mtlx.results.reproduction.fields import SpecError
from mtlx.results.reproduction.judge import judge_table
from mtlx.results.reproduction.paired_claim import judge_paired, pair_rows
from mtlx.results.reproduction.parse import parse_spec
from mtlx.results.reproduction.spec import PairedClaim
from mtlx.results.reproduction.writers import WRITERS

WIDTH = 0.01
SEEDS = range(8)
NOISE = np.random.default_rng(0).normal(0.0, 1.0, (3, len(SEEDS)))
NOISE -= NOISE.mean(axis=1, keepdims=True)


def rows(**gains):
    """A base that varies much from seed to seed, and rows that follow it closely."""
    base = 0.9 + 0.05 * NOISE[0]
    made = {"base": base} | {
        name: base + gain + 0.001 * noise
        for (name, gain), noise in zip(gains.items(), NOISE[1:], strict=False)
    }
    return {name: dict(zip(SEEDS, of, strict=True)) for name, of in made.items()}


def claim(apart=False, among=("a", "b")):
    return PairedClaim("so", "x", "base", apart, among)


@pytest.mark.parametrize(
    ("values", "apart", "sign", "word", "reason"),
    [
        (rows(a=0.0, b=-0.02), False, 1, "reproduced", "none of 2 rows is"),
        (rows(a=0.0, b=-0.02), True, 1, "not reproduced", "apart by Holm's p: b"),
        (rows(a=0.02, b=0.0), False, 1, "not reproduced", "better by Holm's p: a"),
        (rows(a=0.02, b=0.0), False, -1, "reproduced", "none of 2"),
        (rows(a=0.0, b=0.0), True, 1, "reproduced", "within 0.01"),
        (rows(), False, 1, "not run", "^$"),
        ({"a": {0: 1.0}, "b": {0: 1.0}}, False, 1, "not run", "^$"),
        ({"base": {0: 0.9}, "a": {0: 1.0}}, False, 1, "not comparable", "two pairs"),
        ({"base": {0: 0.9}, "a": {1: 1.0}}, False, 1, "not run", "^$"),
        (
            {"base": {0: 0.9, 1: 0.8}, "a": {0: 0.89, 1: 0.83}},
            False,
            1,
            "not comparable",
            "interval of a goes beyond 0.01: too few",
        ),
        (
            {"base": {0: 0.9, 1: 0.8}, "a": {0: math.nan, 1: math.inf}},
            False,
            1,
            "not comparable",
            "fewer than two pairs of runs: a",
        ),
    ],
)
def test_each_verdict(values, apart, sign, word, reason):
    pairs = pair_rows(claim(apart), values, sign)
    verdict = judge_paired(claim(apart), pairs, WIDTH)
    assert verdict.word == word
    assert re.search(reason, verdict.reason)


def test_the_figures_are_those_of_the_formulas():
    values = rows(a=0.003, b=-0.004)
    pairs = pair_rows(claim(), values, 1)
    gaps = [
        np.array([values[name][s] - values["base"][s] for s in SEEDS]) for name in "ab"
    ]
    p = [stats.ttest_1samp(gap, 0.0).pvalue for gap in gaps]
    for pair, gap, one, adjusted in zip(pairs, gaps, p, holm(p), strict=True):
        low, high = stats.t.interval(0.975, 7, gap.mean(), stats.sem(gap))
        assert (pair.gain.low, pair.gain.high) == pytest.approx((low, high))
        assert (pair.p, pair.p_holm) == pytest.approx((one, adjusted))
        assert pair.n == 8


def test_only_seeds_that_both_have_are_paired():
    values = {"base": {0: 1.0, 1: 2.0, 2: 9.0}, "a": {1: 2.5, 0: 1.5, 7: 0.0}}
    (pair,) = pair_rows(claim(), values, -1)
    assert pair.n == 2 and pair.gain.mean == pytest.approx(-0.5)


TABLE = {
    "title": "A table",
    "source": "Nobody, 2020",
    "seeds": 4,
    "rule": {"kind": "equivalent", "margin": 0.01, "because": "so"},
    "columns": [
        {"name": "loss", "task": "t", "metric": "rmse", "digits": 3}
        | {"higher_is_better": False},
        {"name": "gain", "against": "base", "of": ["loss"], "digits": 1}
        | {"higher_is_better": True},
    ],
    "rows": [{"name": name, "overrides": []} for name in ("base", "a", "b")],
    "claims": [
        {"text": "none beats base", "column": "loss", "none_better": "base"},
        {"text": "none is apart", "column": "gain", "none_apart": "base"},
    ],
}


def test_a_table_tells_every_pair():
    losses = {"base": (1.0, 2.0, 3.0), "a": (0.5, 1.5, 2.5)}
    runs = {
        row: {seed: {"t": {"rmse": of}} for seed, of in enumerate(values)}
        for row, values in losses.items()
    }
    record = judge_table(parse_spec(TABLE, "p", "t"), runs, {})
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    better, apart = record["claims"]
    (pair,) = better["pairs"]
    assert pair["gain"]["mean"] == pytest.approx(0.5) and pair["row"] == "a"
    assert better["verdict"] == "not reproduced" == apart["verdict"]
    assert apart["pairs"][0]["gain"]["mean"] == pytest.approx(25.0)
    for kind in ("md", "html"):
        text = WRITERS[kind](record)
        assert "loss: gain over base, paired by seed" in text
    assert "| a | +0.500 [+0.500, +0.500] | 0 | 0 | 3 |" in WRITERS["md"](record)
    lines = list(csv.DictReader(io.StringIO(WRITERS["csv"](record))))
    assert [line["row"] for line in lines if line["kind"] == "claim"] == [
        "none better than base",
        "none apart from base",
    ]


def test_the_rule_is_that_of_the_column_and_a_share_is_not_paired():
    rule = {"kind": "equivalent", "margin": 9.0, "because": "wide"}
    loss = TABLE["columns"][0]
    table = TABLE | {"columns": [loss | {"rule": rule}], "claims": TABLE["claims"][:1]}
    runs = {
        "base": {s: {"t": {"rmse": of}} for s, of in enumerate((1.0, 1.1))},
        "a": {s: {"t": {"rmse": of}} for s, of in enumerate((1.0, 1.2))},
    }
    words = []
    for columns in (table["columns"], [loss]):
        spec = parse_spec(table | {"columns": columns}, "p", "t")
        words.append(judge_table(spec, runs, {})["claims"][0]["verdict"])
    assert words == ["reproduced", "not comparable"]
    with pytest.raises(SpecError, match="found 'loss', which has none, or is of"):
        parse_spec(table | {"columns": [loss | {"at_least": 0.5}]}, "p", "t")


def test_without_a_baseline_nothing_is_paired():
    runs = {"a": {0: {"t": {"rmse": 1.0}}}}
    record = judge_table(parse_spec(TABLE, "p", "t"), runs, {})
    assert {c["verdict"] for c in record["claims"]} == {"not run"}
    assert "paired by seed" not in WRITERS["md"](record)
