"""FAMO's wall clock on the two-dimensional toy:  python -m benchmarks.toy_clock

50,000 steps of Adam, learning rate 1e-3, from five starts, the first loss times .1, in
float64: what FAMO's paper prints seconds for. All starts of a method are one compiled
program; compiling it is timed apart, once, and the run in rounds with the methods
taking turns. The paper's seconds are those of PyTorch on a machine that it does not
name, one start after another, and of solvers on the host: what is beside them here is
the cost of the experiment, and no comparison of machines.
"""

import argparse
import functools
import time
from collections.abc import Callable, Sequence

import jax
import optax

from benchmarks.rounds import interleave, save, spread
from experiments.toy_methods import build
from mtlx.problems import NASH_STARTS, lifted, make_descent, toy2d

LEARNING_RATE, SCALE, STEPS = 1e-3, 0.1, 50_000
# Liu et al., "FAMO: Fast Adaptive Multitask Optimization", NeurIPS 2023, figure of the
# toy: seconds. "equal" is its "Adam".
PUBLISHED = {
    "equal": 33,
    "mgda": 60,
    "pcgrad": 54,
    "cagrad": 89,
    "nash_mtl": 995,
    "famo": 39,
}


def compile_run(name: str, steps: int) -> tuple[Callable[[], jax.Array], float]:
    """(a function that runs all starts to their last points [5, 2], compile seconds).

    Call both within `jax.enable_x64(True)`.
    """
    problem = lifted(toy2d(SCALE, NASH_STARTS))
    optimizer = optax.adam(LEARNING_RATE)
    run = make_descent(problem, build(name), optimizer, steps, record_every=steps)
    keys = jax.random.split(jax.random.key(0), len(problem.starts))
    begin = time.perf_counter()
    compiled = jax.jit(run).lower(problem.starts, keys).compile()
    seconds = time.perf_counter() - begin

    def ends(starts, keys):
        return compiled(starts, keys)[0][:, -1]

    return functools.partial(ends, problem.starts, keys), seconds


def measure(steps: int, rounds: int) -> dict[str, dict]:
    """Figures of every method, in the order of the published ones."""
    with jax.enable_x64(True):
        runs, compiling = {}, {}
        for name in PUBLISHED:
            runs[name], compiling[name] = compile_run(name, steps)
        seconds = interleave(runs, rounds)
        ends = {name: run().tolist() for name, run in runs.items()}
    return {
        name: {
            "run_seconds": spread(seconds[name]),
            "compile_seconds": compiling[name],
            "published_seconds": published,
            "ends": ends[name],
        }
        for name, published in PUBLISHED.items()
    }


def table(members: dict[str, dict]) -> str:
    """One line a method."""
    lines = ["method      published s   run s (lowest to highest)    compile s"]
    for name, found in members.items():
        run = found["run_seconds"]
        lines.append(
            f"{name:10} {found['published_seconds']:12} {run['median']:8.2f} "
            f"({run['lowest']:.2f} to {run['highest']:.2f}) "
            f"{found['compile_seconds']:12.1f}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table and writes benchmarks/results/toy_clock.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    members = measure(options.steps, options.rounds)
    print(f"{options.steps} steps from {len(NASH_STARTS)} starts\n{table(members)}")
    figures = {"steps": options.steps, "rounds": options.rounds, "members": members}
    print(f"Wrote {save('toy_clock', figures)}")


if __name__ == "__main__":
    main()
