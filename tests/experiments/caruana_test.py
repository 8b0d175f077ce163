"""Caruana's F1: the patterns, and that each variant is what it says."""

import jax
import numpy as np
import pytest

from experiments.caruana import BITS, caruana_f1, draw_patterns


def test_patterns_are_the_coded_numbers():
    rows = draw_patterns(jax.random.key(0), 4000)
    codes = np.asarray(rows.inputs, int).reshape(-1, 2, BITS) @ (
        2 ** np.arange(BITS)[::-1]
    )
    a, b = 10 * codes.T / (2**BITS - 1) - 5
    assert (abs(a.mean()), a.min(), a.max()) < (0.2, -4.9, 5.1)
    np.testing.assert_allclose(rows.f1, 1 / (1 + np.exp(-a - b)), atol=1e-5)
    np.testing.assert_allclose(rows.f2, 1 / (1 + np.exp(b - a)), atol=1e-5)


def test_training_beats_a_constant_and_stops_where_halting_was_best():
    """The standard deviation of F1 is .42; fifty patterns give a tenth of that."""
    for variant in ("alone", "input", "tasks"):
        found = caruana_f1(variant, 0, learning_rate=1.0, epochs=150)["f1"]
        assert found["rmse"] < 0.15, variant
        assert 1 <= found["epoch"] <= 150


def test_the_variants_differ_and_a_seed_repeats():
    found = {v: caruana_f1(v, 1, epochs=20)["f1"] for v in ("alone", "input", "tasks")}
    assert len({scores["rmse"] for scores in found.values()}) == 3
    assert caruana_f1("tasks", 1, epochs=20)["f1"] == found["tasks"]
    assert caruana_f1("tasks", 2, epochs=20)["f1"] != found["tasks"]


def test_all_patterns_in_a_step_are_one_step_an_epoch():
    """With momentum 0 and a tiny rate, one epoch either way is the same step."""
    rates = {"learning_rate": 1e-4, "epochs": 1}
    one = caruana_f1("alone", 0, patterns=1, **rates)["f1"]["rmse"]
    whole = caruana_f1("alone", 0, patterns=50, **rates)["f1"]["rmse"]
    assert one == pytest.approx(whole, rel=1e-4)


def test_what_is_no_variant_is_refused():
    with pytest.raises(ValueError, match="expected a variant of"):
        caruana_f1("both", 0)
    with pytest.raises(ValueError, match="a divisor of 50"):
        caruana_f1("alone", 0, patterns=7)
