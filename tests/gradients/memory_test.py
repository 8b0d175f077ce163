"""Many tasks: what each form holds, by the compiler's own account."""

import jax
import optax
import pytest

from benchmarks.solver_share import measured_only, workload
from mtlx.balancers import equal
from mtlx.train import init_state, make_step
from mtlx.train.measuring import Measuring

TASKS = 32


def _bytes(balancer, form):
    """Arguments, results and temporaries of a step on W2's shapes."""
    model, tasks, batch = workload(TASKS)
    optimizer = optax.sgd(1e-2)
    state = jax.eval_shape(
        lambda: init_state(model, optimizer, balancer, batch, jax.random.key(0))
    )
    measuring = Measuring(gradients=form)
    step = make_step(model, tasks, optimizer, balancer, 100, measuring=measuring)
    options = {"xla_backend_optimization_level": 3}
    compiled = jax.jit(step, compiler_options=options).lower(state, batch).compile()
    memory = compiled.memory_analysis()
    return (
        memory.argument_size_in_bytes
        + memory.output_size_in_bytes
        + memory.temp_size_in_bytes
    )


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="the bound is for a CPU")
def test_the_ghost_form_needs_under_two_and_a_half_times_equal_weights():
    ghost = _bytes(measured_only(), "ghost")
    assert ghost < 2.5 * _bytes(equal(), "auto")
