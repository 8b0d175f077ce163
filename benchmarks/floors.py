"""What the benchmarks shall reach: floors and aims, as ratios to the peers."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from benchmarks.workloads import GRADIENT_METHODS

LIBRARIES = ("libmtl", "torchjd", "deepctr", "rechub")


class Line(NamedTuple):
    """One demand: in `group` of `benchmark`, against the best member of some kinds.

    Args:
        benchmark, group: whose results.
        against: "library" (any of `LIBRARIES`), a kind, or a member's name.
        floor, aim: ratios.
        key: "ratio", or "ratio_warm" for W3 with a warm compilation cache.
    """

    benchmark: str
    group: str
    against: str
    floor: float
    aim: float
    key: str = "ratio"


class Verdict(NamedTuple):
    """A demand beside what was measured; `ratio` is None where nothing was."""

    line: Line
    member: str | None
    ratio: dict[str, float] | None

    @property
    def met(self) -> bool | None:
        """Whether the median reaches the floor."""
        return None if self.ratio is None else self.ratio["median"] >= self.line.floor


def _w1() -> list[Line]:
    found = [Line("w1", "equal", "library", 1.4, 2.0)]
    for method in GRADIENT_METHODS:
        if method != "nash_mtl":
            found.append(Line("w1", method, "library", 1.7, 2.2))
    found += [
        Line("w1", "nash_mtl", "libmtl", 3.0, 4.0),
        Line("w1", "nash_mtl", "torchjd", 2.2, 4.0),
    ]
    return found + [
        Line("w1", f"epoch_{method}", "library", 2.0, 3.0)
        for method in ("equal", "pcgrad")
    ]


def _w2() -> list[Line]:
    floors = {  # group: (LibMTL, torchjd)
        "t2_pcgrad": (1.8, 1.4),
        "t2_nash_mtl": (4.5, 4.0),
        "t8_pcgrad": (2.5, 1.7),
        "t8_cagrad": (2.5, 1.7),
        "t8_nash_mtl": (4.0, 4.0),
        "t32_pcgrad": (8.0, 2.0),
        "t32_cagrad": (6.0, 2.0),
        "t32_nash_mtl": (5.0, 4.5),
    }
    found = []
    for tasks, floor in ((2, 1.3), (8, 1.4), (32, 1.7)):
        found.append(Line("w2", f"t{tasks}_equal", "plain loop", floor, 1.5 * floor))
    for group, pair in floors.items():
        for peer, floor in zip(("libmtl", "torchjd"), pair, strict=True):
            found.append(Line("w2", group, peer, floor, 1.5 * floor))
    found.append(Line("w2", "t32_upgrad", "torchjd", 2.0, 3.0))
    return found


LINES = (
    *_w1(),
    *_w2(),
    Line("w3", "seeds_16", "PyTorch, two at a time", 7.0, 20.0),
    Line("w3", "seeds_16", "PyTorch, two at a time", 12.0, 20.0, "ratio_warm"),
    Line("w3", "seeds_16", "PyTorch, one after another", 14.0, 40.0),
    *(
        Line("w3", f"seeds_{seeds}", "PyTorch, batched by hand", 1.3, 2.5)
        for seeds in (16, 64, 256)
    ),
    Line("w5", "compare", "one by one", 3.0, 4.5),
)


def judge(line: Line, results: Mapping[str, Any]) -> Verdict:
    """The demand against the best of its peers: the one over which we gain least.

    Args:
        line: what is demanded.
        results: {benchmark: record}, as the benchmarks write them.
    """
    groups = results.get(line.benchmark, {}).get("groups", {})
    members = groups.get(line.group, {}).get("members", {})
    kinds = LIBRARIES if line.against == "library" else (line.against,)
    peers = {
        name: member[line.key]
        for name, member in members.items()
        if line.key in member and (name in kinds or member.get("kind") in kinds)
    }
    if not peers:
        return Verdict(line, None, None)
    best = min(peers, key=lambda name: peers[name]["median"])
    return Verdict(line, best, peers[best])
