"""A process that holds one member of a comparison and runs it when told.

    python -m benchmarks.worker MODULE      (MODULE defines `build(spec) -> Member`)

One line of JSON in, one out. First the spec is read and the member built and warmed;
then each `{"turn": seconds}` runs whole units until that much time has passed and
answers `{"units", "seconds", "cores", "losses", "peak_mib"}`; "cores" is the number of
cores that it had on average. What a library prints goes to stderr.
"""

import importlib
import json
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple


class Member(NamedTuple):
    """One way to do the work.

    Args:
        run: does some units of work (training steps, or rows of an epoch), waits for
            their end, and returns their number.
        losses: the last losses, to see that the member trains.
        facts: versions, device, compile seconds.
        device_peak: peak bytes on an accelerator, or None.
    """

    run: Callable[[], int]
    losses: Callable[[], list[float]]
    facts: dict[str, Any]
    device_peak: Callable[[], int | None] = lambda: None


def peak_mib() -> float:
    """Peak resident memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def restrict_threads() -> None:
    """Keeps to the cores that the driver gives; before any library counts them."""
    cores = sorted(os.sched_getaffinity(0))[: int(os.environ["BENCHMARK_THREADS"])]
    os.sched_setaffinity(0, cores)


def turn(member: Member, seconds: float) -> dict[str, Any]:
    """Whole units of work until `seconds` have passed."""
    units, begin, busy = 0, time.perf_counter(), time.process_time()
    while True:
        units += member.run()
        passed = time.perf_counter() - begin
        if passed >= seconds:
            cores = (time.process_time() - busy) / passed
            return {"units": units, "seconds": passed, "cores": cores}


def serve(module: str, receive: Any, send: Any) -> None:
    """Builds the member that the first line asks for, and takes turns."""

    def reply(message):
        send.write(json.dumps(message) + "\n")
        send.flush()

    spec = json.loads(receive.readline())
    try:
        build = importlib.import_module(module).build
        imported = peak_mib()
        member = build(spec)
        for _ in range(spec.get("warm", 2)):
            member.run()
    except Exception as error:  # said in the results, in place of a figure
        traceback.print_exc()
        reply({"error": f"{type(error).__name__}: {error}".splitlines()[0]})
        return
    reply({"facts": member.facts | {"imported_mib": imported}})
    for line in receive:
        done = turn(member, json.loads(line)["turn"])
        memory = {"peak_mib": peak_mib(), "device_peak": member.device_peak()}
        reply(done | {"losses": member.losses()} | memory)


def main() -> None:
    """Serves on a copy of stdout, so that no library can write into the protocol."""
    restrict_threads()
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(sys.argv[1], sys.stdin, channel)


if __name__ == "__main__":
    main()
