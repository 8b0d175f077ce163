"""Floors beside what was measured."""

import json

import pytest

from benchmarks import floors, page
from benchmarks.floors import Line


def _ratio(median):
    return {"median": median, "lowest": 0.9 * median, "highest": 1.1 * median}


def _member(kind, ratio, **more):
    rate = {"rate": _ratio(50.0), "peak_mib": 400.0, "facts": {}, "kind": kind}
    return rate | {"ratio": _ratio(ratio)} | more


RESULTS = {
    "w1": {
        "date": "2026-01-01",
        "machine": "a, 2 cores",
        "device": "cpu",
        "jax": "0",
        "rounds": 9,
        "turn_seconds": 1.0,
        "threads": 2,
        "groups": {
            "equal": {
                "step_flops": 4e9,
                "members": {
                    "mtlx": _member("mtlx", 1.0, facts={"compile_seconds": 2.5}),
                    "LibMTL": _member("libmtl", 1.9),
                    "torchjd, autojac": _member("torchjd", 1.5),
                    "plain loop": _member("plain", 0.7),
                    "DeepCTR-Torch": {"kind": "deepctr", "error": "ImportError: x"},
                    "product (jax)": _member("product", 1.0, rate=_ratio(4e5)),
                },
            }
        },
    }
}


@pytest.mark.parametrize(
    ("against", "floor", "member", "median", "met"),
    [
        ("library", 1.4, "torchjd, autojac", 1.5, True),
        ("library", 1.6, "torchjd, autojac", 1.5, False),
        ("libmtl", 1.9, "LibMTL", 1.9, True),
        ("plain loop", 1.0, "plain loop", 0.7, False),
    ],
)
def test_the_best_peer_counts(against, floor, member, median, met):
    verdict = floors.judge(Line("w1", "equal", against, floor, 9.0), RESULTS)
    assert (verdict.member, verdict.ratio["median"]) == (member, median)
    assert verdict.met is met


def test_nothing_measured_is_no_verdict():
    for line in (Line("w2", "t2_equal", "plain", 1, 2), Line("w1", "x", "plain", 1, 2)):
        assert floors.judge(line, RESULTS).met is None


def test_every_floor_has_an_aim_beyond_it():
    assert all(line.floor < line.aim for line in floors.LINES)
    assert len({(*line[:3], line.key) for line in floors.LINES}) == len(floors.LINES)


def test_the_page(tmp_path):
    for name, record in RESULTS.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(record))
    text = page.write_page(page.read_results(tmp_path), tmp_path).read_text()
    assert "| W1 | equal | library | torchjd, autojac | 1.50 (1.35 to 1.65) |" in text
    assert "| W1 | pcgrad | library |  |  | 1.7 | 2.2 | not measured |" in text
    # 50 steps/s of 4 GFLOP are half of a product at 400 GFLOP/s.
    assert "| mtlx | 50.0 |  | 200 | 0.50 | 2.5 | 400 |" in text
    assert "failed: ImportError: x" in text
    assert (tmp_path / "ratios.png").read_bytes()[:4] == b"\x89PNG"
