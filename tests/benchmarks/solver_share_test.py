"""The solvers stay on the device, and the benchmark runs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import rounds, solver_share
from mtlx import balancers
from mtlx.types import Signals


@pytest.mark.parametrize("name", solver_share.NAMES)
def test_forty_tasks_are_solved_inside_the_program(name):
    """The update alone: what surrounds it in a step has no callbacks either way."""
    balancer = getattr(balancers, name)()
    rows = np.random.default_rng(0).normal(size=(40, 60))
    signals = Signals(jnp.ones(40), gram=jnp.asarray(rows @ rows.T, jnp.float32))
    update = jax.jit(balancer.update)
    arguments = (signals, balancer.init(40))
    key = jax.random.key(0)
    program = update.lower(*arguments, key=key).compile().as_text()
    assert not solver_share.callbacks(program)
    weights, _ = update(*arguments, key=key)
    assert np.isfinite(weights).all()


def test_callbacks_are_found():
    def called_back(x):
        return jax.pure_callback(np.sin, jax.ShapeDtypeStruct((), x.dtype), x)

    program = jax.jit(called_back).lower(jnp.float32(1.0)).compile().as_text()
    assert solver_share.callbacks(program)


def test_the_step_of_the_benchmark_runs_and_has_no_callbacks():
    run, program = solver_share.compile_step(solver_share.measured_only(), 3)
    assert not solver_share.callbacks(program)
    state, metrics = run()
    assert int(state.step) == 1
    np.testing.assert_array_equal(metrics["weight"], np.ones(3))


def test_rounds_are_interleaved_and_counted():
    calls = []

    def member(name):
        return lambda: calls.append(name) or jnp.zeros(())

    seconds = rounds.interleave({"a": member("a"), "b": member("b")}, 2, repeat=2)
    assert "".join(calls) == "aabb" + 2 * "aabb"
    assert {name: len(values) for name, values in seconds.items()} == {"a": 2, "b": 2}


def test_spread():
    assert rounds.spread([3.0, 1.0, 2.0]) == {
        "median": 2.0,
        "lowest": 1.0,
        "highest": 3.0,
    }
