"""A member without a library, for the tests of the protocol."""

import time

from benchmarks.worker import Member


def build(spec):
    """Counts "units" a call, each call "seconds" long; fails if "broken"."""
    print("a library that prints")
    if spec.get("broken"):
        raise ImportError("no such library")
    calls = []

    def run():
        calls.append(0)
        if len(calls) > spec.get("dies_after", 10**9):
            raise SystemExit(3)
        time.sleep(spec["seconds"])
        return spec["units"]

    return Member(run, lambda: [float(len(calls))], {"library": "echo"})
