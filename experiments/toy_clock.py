"""The wall clock of the two-dimensional toy, beside the seconds that FAMO prints."""

import time
from collections.abc import Callable, Sequence

import jax
import optax

from experiments.toy_methods import build
from experiments.toy_runs import LEARNING_RATE, SETTINGS
from mtlx.problems import lifted, make_descent, toy2d


def toy_seconds(
    method: str, seeds: Sequence[int], steps: int | None = None
) -> list[dict[str, dict[str, float]]]:
    """Seconds of all five starts of the toy, in float64, once for each of `seeds`.

    The starts are one compiled program. Nothing is drawn: a seed is a repetition, and
    the first run is not among them.

    Args:
        method: a name of `experiments.toy_methods`.
        seeds: one a repetition.
        steps: of Adam; None: the published 50,000.

    Returns:
        "clock": "run" seconds, and those of the "compile", which is done once; "end":
        "furthest", the largest |x1| of the five last points.
    """
    with jax.enable_x64(True):
        run, compiling = compile_toy(method, steps or SETTINGS["nash"].steps)
        last = jax.block_until_ready(run())
        found = []
        for _ in seeds:
            begin = time.perf_counter()
            jax.block_until_ready(run())
            seconds = time.perf_counter() - begin
            found.append(
                {
                    "clock": {"run": seconds, "compile": compiling},
                    "end": {"furthest": float(abs(last[:, 0]).max())},
                }
            )
    return found


def compile_toy(method: str, steps: int) -> tuple[Callable[[], jax.Array], float]:
    """(a function that runs all starts to their last points [5, 2], compile seconds).

    Call both within `jax.enable_x64(True)`.
    """
    setting = SETTINGS["nash"]
    problem = lifted(toy2d(setting.scale, setting.starts))
    optimizer = optax.adam(LEARNING_RATE)
    descend = make_descent(problem, build(method), optimizer, steps, record_every=steps)
    keys = jax.random.split(jax.random.key(0), len(problem.starts))
    begin = time.perf_counter()
    compiled = jax.jit(descend).lower(problem.starts, keys).compile()
    seconds = time.perf_counter() - begin
    return lambda: compiled(problem.starts, keys)[0][:, -1], seconds
