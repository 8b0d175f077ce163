"""Figures and tables of the closed-form problems: python -m experiments.toy."""

import argparse
import functools
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from pathlib import Path

import jax

from experiments import toy_figures, toy_page
from experiments.toy_methods import COMPARED
from experiments.toy_runs import (
    GRADNORM_METHODS,
    GRADNORM_TASKS,
    QUADRATICS,
    SETTINGS,
    run_gradnorm,
    run_quadratic,
    run_toy2d,
)
from mtlx.data.folders import cache_folder

Job = tuple[str, str, str]  # family, problem or setting, method


def main(arguments: Sequence[str] | None = None) -> int:
    """Run everything, then write the pictures and the page."""
    options = _parser().parse_args(arguments)
    if jax.__version_info__ < (0, 11):
        # A hundred small programs: emitters that compile in half the time are worth
        # more than those that make them a little faster. Newer versions have one kind.
        given = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"--xla_cpu_use_fusion_emitters=false {given}".strip()
    begin = time.perf_counter()
    results = run_all(all_jobs(), workers=min(2, os.cpu_count() or 1))
    options.output.mkdir(parents=True, exist_ok=True)
    pictures = toy_figures.draw_all(results, options.output)
    page = options.output / "toy.md"
    page.write_text(toy_page.write(results, pictures), encoding="utf-8")
    print(f"Toy problems: {page}, {len(pictures)} PNGs beside it", end="")
    print(f", {time.perf_counter() - begin:.0f} s")
    return 0


def all_jobs() -> dict[Job, Callable]:
    """What there is to run, the longest first, so that the workers end together."""
    jobs: dict[Job, Callable] = {}
    for key in reversed(GRADNORM_TASKS):
        for name in GRADNORM_METHODS:
            jobs["gradnorm", key, name] = functools.partial(run_gradnorm, key, name)
    for key, setting in reversed(SETTINGS.items()):
        for name in setting.methods:
            jobs["toy2d", key, name] = functools.partial(run_toy2d, setting, name)
    for key in QUADRATICS:
        for name in COMPARED:
            jobs["quadratics", key, name] = functools.partial(run_quadratic, key, name)
    return jobs


def run_all(jobs: dict[Job, Callable], workers: int) -> dict[Job, object]:
    """Results of all jobs; says which is done and how long the others will take.

    Args:
        jobs: what to run; what processes are sent has to pickle.
        workers: number of processes. Threads would take turns: most of a job is
            tracing and compiling. With 1, this process does the work.
    """
    results, begin = {}, time.perf_counter()
    with _executor(workers) as pool:
        futures = {pool.submit(run): job for job, run in jobs.items()}
        for future in as_completed(futures):
            job = futures[future]
            results[job] = future.result()
            spent = time.perf_counter() - begin
            left = spent / len(results) * (len(jobs) - len(results))
            place = f"[{len(results):{len(str(len(jobs)))}}/{len(jobs)}]"
            print(f"{place} {' '.join(job)}, {left:.0f} s left", flush=True)
    return {job: results[job] for job in jobs}


class _Here(Executor):
    """Runs what is submitted, at once."""

    def submit(self, fn, /, *args, **kwargs):
        done = Future()
        done.set_result(fn(*args, **kwargs))
        return done


def _executor(workers: int) -> Executor:
    if workers == 1:
        return _Here()
    # A fork would copy the threads' locks of a JAX that has begun to run.
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, spawn, initializer=_keep_programs)


def _keep_programs() -> None:
    jax.config.update("jax_compilation_cache_dir", str(cache_folder(None) / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.toy",
        description="Run the balancers on problems whose answer is known, and write "
        "pictures and tables.",
        epilog="Example: python -m experiments.toy --output docs/results/toy",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("runs/toy"),
        metavar="FOLDER",
        help="where to (default: runs/toy)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
