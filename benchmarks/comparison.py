"""Members of a comparison take turns, A B C A B C ..., each in a process of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.rounds import spread

ROOT = Path(__file__).resolve().parents[1]


class Entry(NamedTuple):
    """One member: where it runs, and what it is told to build.

    Args:
        name: in the tables.
        kind: "mtlx", the peer's name, "plain", or "product" of two matrices.
        module: has `build(spec) -> Member`.
        spec: what to build.
        python: the interpreter of its process.
        environment: added to the process's own.
        share: length of its turns, as a share of the others'.
    """

    name: str
    kind: str
    module: str
    spec: Mapping[str, Any]
    python: str = sys.executable
    environment: Mapping[str, str] = {}
    share: float = 1.0


class Worker:
    """The process of one member; `facts` or `error` once it stands."""

    def __init__(self, entry: Entry, threads: int):
        self.entry = entry
        environment = {
            **os.environ,
            "BENCHMARK_THREADS": str(threads),
            "OMP_NUM_THREADS": str(threads),
            # Several processes share an accelerator.
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
            **entry.environment,
        }
        self.process = subprocess.Popen(
            [entry.python, "-m", "benchmarks.worker", entry.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment,
        )
        reply = self._ask(dict(entry.spec))
        self.facts, self.error = reply.get("facts", {}), reply.get("error")

    def turn(self, seconds: float) -> dict[str, Any]:
        """One turn of at least that long."""
        return self._ask({"turn": seconds * self.entry.share})

    def close(self) -> None:
        """Ends the process: it leaves when its input does."""
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def _ask(self, message: Mapping[str, Any]) -> dict[str, Any]:
        try:
            self.process.stdin.write(json.dumps(message) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return {"error": f"process ended with status {self.process.wait()}"}
        line = self.process.stdout.readline()
        if not line:
            return {"error": f"process ended with status {self.process.wait()}"}
        return json.loads(line)


def compare(
    entries: Sequence[Entry],
    rounds: int,
    seconds: float,
    threads: int,
    settle: float = 0.2,
) -> dict[str, Any]:
    """{name: rates (units/s, by round), memory, facts}; a member that failed: error.

    Args:
        entries: the members; the first of kind "mtlx" is what the ratios are of.
        rounds: turns of each.
        seconds: least length of a turn.
        threads: cores of each process.
        settle: pause between turns, in which the threads of the last one go to sleep.
    """
    workers = [Worker(entry, threads) for entry in entries]
    results = {worker.entry.name: _start(worker) for worker in workers}
    try:
        for _ in range(rounds):
            for worker in workers:
                result = results[worker.entry.name]
                if "error" in result:
                    continue
                time.sleep(settle)
                _note(result, worker.turn(seconds))
    finally:
        for worker in workers:
            worker.close()
    ours = next((entry.name for entry in entries if entry.kind == "mtlx"), None)
    return {name: _summary(name, results, ours) for name in results}


def _start(worker: Worker) -> dict[str, Any]:
    start = {"kind": worker.entry.kind}
    if worker.error:
        return start | {"error": worker.error}
    return start | {"facts": worker.facts, "rates": []}


def _note(result: dict[str, Any], reply: dict[str, Any]) -> None:
    if "error" in reply:
        result["error"] = reply["error"]
        return
    result["rates"].append(reply["units"] / reply["seconds"])
    result.setdefault("cores", []).append(reply["cores"])
    result |= {key: reply[key] for key in ("losses", "peak_mib", "device_peak")}


def _summary(name: str, results: dict[str, Any], ours: str | None) -> dict[str, Any]:
    """With the spread of the rates, and of our rate over this one, round by round."""
    result = results[name]
    if "error" in result:
        return result
    cores = spread(result["cores"])["median"]
    result = result | {"rate": spread(result["rates"]), "cores": cores}
    if ours is not None and "error" not in results[ours]:
        pairs = zip(results[ours]["rates"], result["rates"], strict=True)
        result["ratio"] = spread([own / other for own, other in pairs])
    return result
