"""Designs and effects, on values whose effects are known."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mtlx.results.effects import designs, measure_effects
from mtlx.results.effects_plot import draw_effects
from mtlx.results.paired import holm

FACTORS = {"a": ("1", "2", "3"), "b": ("x", "y")}
NOISE = np.random.default_rng(0).normal(0, 0.01, 6)


def runs(design, noise=NOISE):
    """value = 10 seed + 1 if a=2, -2 if a=3, + .5 if b=y, + .25 if a=2 and b=y."""
    rows = []
    for point in designs(FACTORS, design):
        for seed, error in enumerate(noise):
            value = 10.0 * seed + {"1": 0.0, "2": 1.0, "3": -2.0}[point["a"]]
            value += 0.5 * (point["b"] == "y") + error * (point["a"] == "2")
            value += 0.25 * (point == {"a": "2", "b": "y"})
            rows.append({**point, "seed": seed, "value": value})
    return pd.DataFrame(rows)


def test_the_two_designs():
    whole = designs(FACTORS, "factorial")
    assert len(whole) == 6 and whole[0] == {"a": "1", "b": "x"}
    assert designs(FACTORS, "one_factor") == [
        {"a": "1", "b": "x"},
        {"a": "1", "b": "y"},
        {"a": "2", "b": "x"},
        {"a": "3", "b": "x"},
    ]


@pytest.mark.parametrize(
    ("factors", "design", "message"),
    [
        ({}, "factorial", "factors and a design"),
        (FACTORS, "latin", "found .* 'latin'"),
        ({"a": ("1",)}, "factorial", r"levels of a, each once, found \['1'\]"),
        ({"a": ("1", "1")}, "factorial", "each once"),
    ],
)
def test_what_is_no_design_is_refused(factors, design, message):
    with pytest.raises(ValueError, match=message):
        designs(factors, design)


def test_one_factor_at_a_time_is_a_paired_difference():
    table = measure_effects(runs("one_factor"), FACTORS, 1).set_index("effect")
    assert list(table.index) == ["a=2", "a=3", "b=y"]
    assert table["gain"].tolist() == pytest.approx([1 + NOISE.mean(), -2, 0.5])
    half_width = stats.t.ppf(0.975, 5) * stats.sem(NOISE)
    assert table.loc["a=2", "ci95"] == pytest.approx(half_width)
    assert table.loc["a=2", "p"] == pytest.approx(
        stats.ttest_1samp(1 + NOISE, 0.0).pvalue
    )
    assert table["n"].tolist() == [6, 6, 6]
    assert table["p_holm"].tolist() == pytest.approx(list(holm(table["p"])))
    assert table.loc["a=2", "low"] < 1 + NOISE.mean() < table.loc["a=2", "high"]


def test_factorial_averages_over_the_others_and_shows_interactions():
    table = measure_effects(runs("factorial"), FACTORS, 1).set_index("effect")
    gains = table["gain"]
    assert gains["a=2"] == pytest.approx(1 + 0.125 + NOISE.mean())
    assert gains["a=3"] == pytest.approx(-2)
    assert gains["b=y"] == pytest.approx(0.5 + 0.25 / 3)
    assert gains["a=2 x b=y"] == pytest.approx(0.25)
    assert gains["a=3 x b=y"] == pytest.approx(0, abs=1e-12)
    assert table["kind"].tolist() == ["main"] * 3 + ["interaction"] * 2


def test_gains_are_positive_where_lower_is_better():
    table = measure_effects(runs("one_factor"), FACTORS, -1).set_index("effect")
    assert table.loc["a=3", "gain"] == pytest.approx(2)


def test_a_single_factor():
    frame = runs("one_factor").query("b == 'x'").drop(columns="b")
    table = measure_effects(frame, {"a": FACTORS["a"]}, 1)
    assert table["effect"].tolist() == ["a=2", "a=3"]


def test_a_seed_without_a_value_is_left_out():
    frame = runs("one_factor")
    lost = (frame["a"] == "2") & (frame["seed"] == 3)
    frame.loc[lost, "value"] = math.nan
    table = measure_effects(frame, FACTORS, 1).set_index("effect")
    assert table["n"].tolist() == [5, 6, 6]
    assert table.loc["a=2", "gain"] == pytest.approx(1 + np.delete(NOISE, 3).mean())


def test_the_picture_has_a_dot_an_effect():
    tables = {"x auc": measure_effects(runs("factorial"), FACTORS, 1)}
    axis = draw_effects(tables, "study").axes[0]
    dots = [container.lines[0].get_xdata()[0] for container in axis.containers]
    assert dots == pytest.approx(tables["x auc"]["gain"].tolist())
    labels = [label.get_text() for label in axis.get_yticklabels()]
    assert labels == tables["x auc"]["effect"].tolist()
