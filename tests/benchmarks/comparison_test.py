"""The protocol with processes that take turns, without any library."""

import io
import json
import sys

import pytest

from benchmarks import processes, worker
from benchmarks.comparison import Entry, compare

ECHO = "tests.benchmarks.echo_member"


def _entry(name, kind, **spec):
    return Entry(name, kind, ECHO, {"seconds": 0.002, "units": 1} | spec)


@pytest.fixture(scope="module")
def results():
    entries = [
        _entry("ours", "mtlx", units=5),
        _entry("peer", "plain"),
        _entry("absent", "libmtl", broken=True),
        _entry("dying", "torchjd", dies_after=4),
    ]
    return compare(entries, rounds=3, seconds=0.01, threads=1, settle=0.0)


def test_every_member_has_a_rate_a_round(results):
    for name in ("ours", "peer"):
        rates = results[name]["rates"]
        assert len(rates) == 3
        assert results[name]["rate"]["median"] == sorted(rates)[1]
        assert results[name]["facts"]["library"] == "echo"
        assert results[name]["peak_mib"] >= results[name]["facts"]["imported_mib"] > 0


def test_ratios_are_ours_over_the_peer_in_the_same_round(results):
    ours, peer = results["ours"]["rates"], results["peer"]["rates"]
    ratios = sorted(a / b for a, b in zip(ours, peer, strict=True))
    found = results["peer"]["ratio"]
    assert found == {"lowest": ratios[0], "median": ratios[1], "highest": ratios[2]}
    assert found["median"] > 1.5  # five units a call against one


def test_a_member_that_cannot_be_built_says_why(results):
    assert results["absent"]["error"] == "ImportError: no such library"
    assert "rate" not in results["absent"]


def test_a_process_that_ends_is_no_figure(results):
    assert results["dying"]["error"] == "process ended with status 3"
    assert "rate" not in results["dying"]


def test_serve_warms_and_then_takes_whole_units():
    spec = {"seconds": 0.004, "units": 7, "warm": 2}
    send = io.StringIO()
    lines = [json.dumps(spec), json.dumps({"turn": 0.01}), json.dumps({"turn": 0.0})]
    worker.serve(ECHO, io.StringIO("\n".join(lines) + "\n"), send)
    ready, first, second = map(json.loads, send.getvalue().splitlines())
    assert ready["facts"]["library"] == "echo"
    assert first["seconds"] >= 0.01
    assert first["units"] % 7 == 0
    assert first["units"] * 0.004 <= 7 * first["seconds"]
    assert second["units"] == 7
    calls = 2 + (first["units"] + second["units"]) // 7
    assert second["losses"] == [calls]


def _python(code):
    return [sys.executable, "-c", code]


def test_whole_processes_in_turn():
    variants = {
        "ours": lambda: processes.run_at_once([_python("print('said')")]),
        "two": lambda: processes.run_at_once([_python("print('said')")] * 2),
        "broken": lambda: processes.run_at_once([_python("raise SystemExit('no')")]),
    }
    results = processes.with_ratios(processes.take_turns(variants, 2), "ours")
    assert [len(results[name]["seconds"]) for name in variants] == [2, 2, 0]
    assert results["ours"]["last_line"] == "said"
    ratios = [
        two / one
        for two, one in zip(
            results["two"]["seconds"], results["ours"]["seconds"], strict=True
        )
    ]
    assert results["two"]["ratio"]["lowest"] == min(ratios)
    assert results["broken"]["error"].endswith("no")
    assert "wall" not in results["broken"]


def test_so_many_processes_at_a_time(tmp_path):
    """Two that wait for each other end only if they run at once."""
    code = f"""
import pathlib, sys, time
folder = pathlib.Path({str(tmp_path)!r})
(folder / sys.argv[1]).touch()
while len(list(folder.iterdir())) < 2: time.sleep(0.01)
"""
    commands = [[*_python(code), name] for name in "ab"]
    assert processes.run_at_once(commands, at_a_time=2) == ""
