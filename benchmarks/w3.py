"""W3, a sweep of seeds, whole processes.   python -m benchmarks.w3

16 (64, 256) seeds x 2000 steps of a small MMoE: 100 inputs, 8 experts of 16, 2 towers
of 8, batch 64, Adam. Start-up and compilation are part of the time. mtlx trains all
seeds in one program, with an empty compilation cache and with the one that its last
run filled; PyTorch trains a process a seed, one after another and two at a time, and
all seeds batched by hand, which is its strongest form.
"""

import functools
import sys
import tempfile

from benchmarks.options import parse
from benchmarks.processes import run_at_once, take_turns, with_ratios
from benchmarks.rounds import save

OURS, WARM = "mtlx", "mtlx, warm cache"
MOST_PROCESSES = 16  # a process a seed, of 64 seeds or more, would take an hour


def mtlx_variants(work: list[str], warm: str) -> dict:
    """A compilation cache that is empty, and one that stays."""
    command = [sys.executable, "-m", "benchmarks.members.sweep_mtlx", *work]

    def run(cache):
        return run_at_once([command], environment=_cache(cache))

    def cold():
        with tempfile.TemporaryDirectory() as folder:
            return run(folder)

    run(warm)
    return {OURS: cold, WARM: functools.partial(run, warm)}


def torch_variants(python: str, seeds: int, steps: int) -> dict:
    """A process a seed, up to a number of seeds; and all of them batched."""
    command = [python, "-m", "benchmarks.members.sweep_torch", "--steps", str(steps)]
    alone = [[*command, "--seeds", "1", "--first", str(i)] for i in range(seeds)]
    one = [[*part, "--threads", "1"] for part in alone]
    batched = [[*command, "--seeds", str(seeds)]]
    variants = {"PyTorch, batched by hand": functools.partial(run_at_once, batched)}
    if seeds <= MOST_PROCESSES:
        variants |= {
            "PyTorch, one after another": functools.partial(run_at_once, alone),
            "PyTorch, two at a time": functools.partial(run_at_once, one, 2),
        }
    return variants


def main(
    argv: list[str] | None = None,
    sizes: tuple[int, ...] = (16, 64, 256),
    steps: int = 2000,
) -> dict:
    """Prints a table a number of seeds and writes benchmarks/results/w3.json."""
    options = parse(__doc__, argv)
    chosen = [int(part) for part in options.only.split(",") if part] or sizes
    figures = {"rounds": options.rounds, "steps": steps, "groups": {}}
    for seeds in chosen:
        work = ["--seeds", str(seeds), "--steps", str(steps)]
        with tempfile.TemporaryDirectory() as warm:
            variants = mtlx_variants(work, warm)
            if options.peer_python:
                variants |= torch_variants(options.peer_python, seeds, steps)
            results = with_ratios(take_turns(variants, options.rounds), OURS)
            results = with_ratios(results, WARM, "ratio_warm")
        figures["groups"][f"seeds_{seeds}"] = {"members": results}
        print(f"\n{seeds} seeds x {steps} steps\n{table(results)}", flush=True)
        save(options.name or "w3", figures)
    return figures


def table(results: dict) -> str:
    """A line a variant: seconds, and how many times ours."""
    lines = []
    for name, result in results.items():
        if "wall" not in result:
            lines.append(f"{name:30} {result['error']}")
            continue
        ratio = result.get("ratio", {"median": float("nan")})["median"]
        wall = result["wall"]
        lines.append(
            f"{name:30} {wall['median']:7.1f} s ({wall['lowest']:.1f} to "
            f"{wall['highest']:.1f})   {ratio:5.2f} x mtlx   {result['last_line']}"
        )
    return "\n".join(lines)


def _cache(folder: str) -> dict[str, str]:
    return {
        "JAX_COMPILATION_CACHE_DIR": folder,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }


if __name__ == "__main__":
    main()
