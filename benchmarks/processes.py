"""Times whole processes in turn: start-up, compilation and all."""

import os
import resource
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.rounds import spread

ROOT = Path(__file__).resolve().parents[1]
Command = Sequence[str]


def run_at_once(
    commands: Sequence[Command],
    at_a_time: int = 1,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Runs processes, so many at a time; what the last one to end printed.

    Raises:
        RuntimeError: a process failed; with the end of what it said.
    """
    waiting, running, said = list(commands), [], ""
    while waiting or running:
        while waiting and len(running) < at_a_time:
            running.append(
                subprocess.Popen(
                    waiting.pop(0),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    cwd=ROOT,
                    env={**os.environ, **(environment or {})},
                )
            )
        # They are alike: the first to start is the first to end.
        said, _ = running[0].communicate()
        process = running.pop(0)
        if process.returncode:
            raise RuntimeError(f"{process.args}: {said[-2000:]}")
    return said


def take_turns(variants: Mapping[str, Callable[[], str]], rounds: int) -> dict:
    """{variant: seconds by round, their spread, cores, last line}, A B C A B C ...

    A variant that fails once is left out from then on, and says why.
    """
    results: dict[str, dict[str, Any]] = {name: {"seconds": []} for name in variants}
    for _ in range(rounds):
        for name, variant in variants.items():
            if "error" not in results[name]:
                _time(results[name], variant)
    for result in results.values():
        if "error" not in result:
            result["wall"] = spread(result["seconds"])
    return results


def _time(result: dict[str, Any], variant: Callable[[], str]) -> None:
    begin, busy = time.perf_counter(), _children()
    try:
        said = variant()
    except RuntimeError as error:
        result["error"] = str(error).strip().splitlines()[-1]
        return
    wall = time.perf_counter() - begin
    result["seconds"].append(wall)
    result["cores"] = (_children() - busy) / wall
    result["last_line"] = said.strip().splitlines()[-1] if said.strip() else ""


def _children() -> float:
    """CPU seconds of the processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def with_ratios(
    results: dict[str, Any], ours: str, key: str = "ratio"
) -> dict[str, Any]:
    """Adds every variant's time over that of `ours`, round by round, as `key`."""
    own = results[ours].get("seconds", [])
    for result in results.values():
        if "error" not in result and len(own) == len(result["seconds"]):
            pairs = zip(result["seconds"], own, strict=True)
            result[key] = spread([other / mine for other, mine in pairs])
    return results
