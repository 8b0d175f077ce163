"""What share of a step is the solve?  python -m benchmarks.solver_share

A trunk 256-512-512-256 with T = 40 regression heads 256-64-1, batch 256, SGD. Each
balancer's jitted step is timed beside the same step with the Gram matrix measured and
constant weights; the difference is the solve. The compiled programs are searched for
callbacks to the host: there must be none.
"""

import argparse
import functools

import jax
import jax.numpy as jnp
import optax

from benchmarks.rounds import interleave, save, spread
from mtlx import balancers, models
from mtlx.tasks import Task
from mtlx.train import init_state, make_step
from mtlx.types import Balancer, Batch

NAMES = ("nash_mtl", "fairgrad", "upgrad", "mgda", "cagrad", "pcgrad")


def measured_only() -> Balancer:
    """Measures the Gram matrix and does not use it."""

    def update(signals, state, *, key=None):
        return jnp.ones_like(signals.losses) + 0.0 * signals.gram[0], state

    return Balancer(lambda num_tasks: (), update, frozenset({"gram"}))


def workload(num_tasks: int):
    """Model, tasks and one batch."""
    keys = jax.random.split(jax.random.key(0), 2)
    tasks = tuple(Task(f"t{i}", "regression") for i in range(num_tasks))
    names = tuple(task.name for task in tasks)
    model = models.SharedBottom(
        tasks=names,
        outputs=(1,) * num_tasks,
        encoder=models.FeatureEncoder,
        bottom_widths=(512, 512, 256),
        tower_widths=(64,),
    )
    labels = jax.random.normal(keys[1], (num_tasks, 256))
    batch = Batch(
        {"numerical": jax.random.normal(keys[0], (256, 256))},
        dict(zip(names, labels, strict=True)),
        dict.fromkeys(names, jnp.ones(256, bool)),
    )
    return model, tasks, batch


def compile_step(balancer: Balancer, num_tasks: int):
    """(a function that runs a step from one fixed state, the program's text)."""
    model, tasks, batch = workload(num_tasks)
    optimizer = optax.sgd(1e-2)
    state = init_state(model, optimizer, balancer, batch, jax.random.key(0))
    step = make_step(model, tasks, optimizer, balancer, steps_per_epoch=100)
    compiled = jax.jit(step).lower(state, batch).compile()
    return functools.partial(compiled, state, batch), compiled.as_text()


def callbacks(program: str) -> list[str]:
    """Lines of a compiled program that call back to the host."""
    lines = [line for line in program.splitlines() if "custom-call" in line]
    return [line for line in lines if "callback" in line.lower()]


def main() -> None:
    """Prints a table and writes benchmarks/results/solver_share.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    members = {"gram, constant weights": measured_only()}
    members |= {name: getattr(balancers, name)() for name in NAMES}
    steps = {}
    for name, balancer in members.items():
        steps[name], program = compile_step(balancer, options.tasks)
        assert not callbacks(program), f"{name} calls back to the host"
    seconds = interleave(steps, options.rounds, repeat=2)
    base = seconds["gram, constant weights"]
    figures = {}
    print(f"T = {options.tasks}; share of the step that is the solve, by round")
    for name in NAMES:
        rounds = zip(seconds[name], base, strict=True)
        share = spread([(own - plain) / own for own, plain in rounds])
        figures[name] = {"step_seconds": spread(seconds[name]), "solve_share": share}
        print(
            f"{name:10} {1e3 * figures[name]['step_seconds']['median']:7.1f} ms a step,"
            f" solve {share['median']:6.1%} ({share['lowest']:.1%} to"
            f" {share['highest']:.1%})"
        )
    figures = {"tasks": options.tasks, "rounds": options.rounds, "members": figures}
    print(f"Wrote {save('solver_share', figures)}")


if __name__ == "__main__":
    main()
