"""The wall clock of the toy: what is timed is the published run."""

import jax
import numpy as np

from benchmarks import toy_clock
from experiments.toy_methods import METHODS
from experiments.toy_runs import LEARNING_RATE, SETTINGS
from mtlx.problems import NASH_STARTS, toy2d

FEW = 40


def test_the_setting_is_famos():
    """That of `experiments.toy`, whose end points are held against published ones."""
    nash = SETTINGS["nash"]
    assert (toy_clock.STEPS, toy_clock.SCALE) == (nash.steps, nash.scale)
    assert toy_clock.LEARNING_RATE == LEARNING_RATE and nash.starts == NASH_STARTS
    assert set(toy_clock.PUBLISHED) <= set(METHODS)


def test_a_method_is_timed_on_all_its_starts_in_float64():
    with jax.enable_x64(True):
        run, seconds = toy_clock.compile_run("equal", FEW)
        ends = run()
        assert ends.dtype == np.float64
    ends = np.asarray(ends)
    assert ends.shape == (5, 2) and seconds > 0
    moved = np.abs(ends - np.array(NASH_STARTS))
    # Adam moves a coordinate by about its rate a step, towards lower losses.
    assert (moved <= FEW * toy_clock.LEARNING_RATE * 1.5).all() and moved.max() > 0.02
    losses = jax.vmap(toy2d(toy_clock.SCALE).losses)
    before, after = losses(np.array(NASH_STARTS)), losses(ends)
    assert (after.sum(axis=1) < before.sum(axis=1)).all()


def test_the_table_has_the_published_seconds():
    run = {"median": 1.25, "lowest": 1.0, "highest": 2.0}
    row = {"run_seconds": run, "compile_seconds": 3.0, "published_seconds": 995}
    last = toy_clock.table({"nash_mtl": row}).splitlines()[-1]
    assert last.split() == ["nash_mtl", "995", "1.25", "(1.00", "to", "2.00)", "3.0"]
