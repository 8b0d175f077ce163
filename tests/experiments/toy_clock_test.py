"""The wall clock of the toy: what is timed is the published run."""

import jax
import numpy as np

from experiments.reproduce_spec import load_spec
from experiments.toy_clock import compile_toy, toy_seconds
from experiments.toy_methods import METHODS
from experiments.toy_runs import LEARNING_RATE, SETTINGS
from mtlx.problems import NASH_STARTS, toy2d

FEW = 40


def test_the_table_times_known_methods():
    rows = load_spec("famo/toy_clock").rows
    assert len(rows) == 6 and {row.call["method"] for row in rows} <= set(METHODS)
    assert all(row.not_comparable for row in rows)


def test_a_method_is_timed_on_all_its_starts_in_float64():
    with jax.enable_x64(True):
        run, seconds = compile_toy("equal", FEW)
        ends = run()
        assert ends.dtype == np.float64
    ends = np.asarray(ends)
    assert ends.shape == (5, 2) and seconds > 0
    moved = np.abs(ends - np.array(NASH_STARTS))
    # Adam moves a coordinate by about its rate a step, towards lower losses.
    assert (moved <= FEW * LEARNING_RATE * 1.5).all() and moved.max() > 0.02
    losses = jax.vmap(toy2d(SETTINGS["nash"].scale).losses)
    before, after = losses(np.array(NASH_STARTS)), losses(ends)
    assert (after.sum(axis=1) < before.sum(axis=1)).all()


def test_a_seed_is_a_repetition():
    first, second = toy_seconds("famo", (0, 1), FEW)
    assert first["clock"]["compile"] == second["clock"]["compile"] > 0
    assert 0 < first["clock"]["run"] != second["clock"]["run"] > 0
    # The outermost start of five is at 9, and no run moves far in so few steps.
    assert first["end"] == second["end"] and 8.9 < first["end"]["furthest"] < 9.1
