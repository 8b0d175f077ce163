"""W5, the `make compare` study, vectorised and one by one.   python -m benchmarks.w5

Whole processes, with results folders and caches that start empty: what a user waits
for the first time. The study takes minutes, so that two or three rounds are an hour's
work: --rounds.
"""

import functools
import sys
import tempfile
from pathlib import Path

from benchmarks.options import parse
from benchmarks.processes import run_at_once, take_turns, with_ratios
from benchmarks.rounds import save
from benchmarks.w3 import table

LAUNCHERS = {"vectorised": "vectorized", "one by one": "basic"}


def study(launcher: str, overrides: tuple[str, ...] = ()) -> str:
    """Runs the study in a fresh folder; what it printed.

    Raises:
        RuntimeError: it failed, or left no results.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *(sys.executable, "-m", "experiments.train", "experiment=compare"),
            f"hydra/launcher={launcher}",
            f"hydra.sweep.dir={folder}/runs",
            *overrides,
        ]
        said = run_at_once([command], environment={"MTLX_CACHE_DIR": f"{folder}/cache"})
        done = len(list(Path(folder, "runs").rglob("result.json")))
        if not done:
            raise RuntimeError(f"no results: {said[-500:]}")
        return f"{said.strip()}\n{done} runs"


def main(argv: list[str] | None = None, overrides: tuple[str, ...] = ()) -> dict:
    """Prints a table and writes benchmarks/results/w5.json."""
    options = parse(__doc__, argv)
    variants = {
        name: functools.partial(study, launcher, overrides)
        for name, launcher in LAUNCHERS.items()
    }
    results = with_ratios(take_turns(variants, options.rounds), "vectorised")
    figures = {"rounds": options.rounds, "groups": {"compare": {"members": results}}}
    print(table(results))
    save(options.name or "w5", figures)
    return figures


if __name__ == "__main__":
    main()
