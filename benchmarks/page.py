"""Writes docs/benchmarks/README.md from the results.   python -m benchmarks.page"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.figures import draw_ratios
from benchmarks.floors import LINES, Verdict, judge
from benchmarks.rounds import RESULTS

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "benchmarks"
HEAD = """
# Benchmarks

Generated from `benchmarks/results/*.json` by `python -m benchmarks.page`. Speed and
memory against the PyTorch peers, in the same run on the same machine;
[how they are compared](method.md), [what bounds us and what was tried](notes.md).

```
python -m venv peers && peers/bin/pip install -r benchmarks/requirements.txt
make bench PEER_PYTHON=peers/bin/python      # or one table: python -m benchmarks.w1
```

Absolute rates move from machine to machine; the ratios are what to read. They are of
rates in the same round: median (lowest to highest).
"""
TITLES = {
    "w1": "W1: a census-like MMoE",
    "w2": "W2: many tasks",
    "w3": "W3: a sweep of seeds",
    "w5": "W5: the `make compare` study",
}


def read_results(folder: Path = RESULTS) -> dict[str, Any]:
    """{benchmark: record}; "w1" is the CPU's, "w1_<device>" an accelerator's."""
    paths = [path for name in TITLES for path in sorted(folder.glob(f"{name}*.json"))]
    return {path.stem: json.loads(path.read_text()) for path in paths}


def write_page(results: Mapping[str, Any], folder: Path = FOLDER) -> Path:
    """The page and, where anything was measured, its picture."""
    verdicts = [judge(line, results) for line in LINES]
    parts = [HEAD]
    if any(verdict.ratio for verdict in verdicts):
        picture = draw_ratios(verdicts, folder / "ratios.png")
        parts.append(f"![Ratios beside floors and aims]({picture.name})")
    parts += ["## Floors and aims", _verdicts(verdicts)]
    for name, record in results.items():
        title = f"{TITLES[name[:2]]}, {record['device']}"
        parts += [f"## {title}", _conditions(record)]
        for group, figures in record["groups"].items():
            parts += [f"### {group}", _members(figures)]
    path = folder / "README.md"
    path.write_text("\n\n".join(part.strip() for part in parts) + "\n")
    return path


def _verdicts(verdicts: list[Verdict]) -> str:
    rows = []
    for line, member, ratio in verdicts:
        met = Verdict(line, member, ratio).met
        said = {None: "not measured", True: "met", False: "**missed**"}[met]
        if met and ratio["median"] >= line.aim:
            said = "aim met"
        group = line.group + (", warm cache" if line.key != "ratio" else "")
        cells = (line.benchmark.upper(), group, line.against, member or "")
        rows.append((*cells, _spread(ratio), f"{line.floor:g}", f"{line.aim:g}", said))
    heads = "bench", "group", "against", "the best of them", "ratio", "floor", "aim", ""
    return _table(heads, rows)


def _conditions(record: Mapping[str, Any]) -> str:
    facts = [record["date"], record["machine"]]
    facts.append(f"jax {record['jax']}, {record['rounds']} rounds")
    if "turn_seconds" in record:
        facts.append(f"turns of {record['turn_seconds']:g} s")
        facts.append(f"{record['threads']} threads")
    return ", ".join(facts) + "."


def _members(figures: Mapping[str, Any]) -> str:
    """Rates of processes that take turns, or times of whole processes."""
    members = figures["members"]
    if any("wall" in member for member in members.values()):
        return _processes(members)
    product = max(
        (m["rate"]["median"] / 1e3 for m in members.values() if _is_product(m)),
        default=None,
    )
    rows = []
    for name, member in members.items():
        if "error" in member:
            rows.append((name, f"failed: {member['error']}", "", "", "", "", ""))
            continue
        rows.append((name, *_rate(member, figures, product)))
    heads = "member", "rate /s", "mtlx over it", "GFLOP/s", "of product", "compile s"
    return _table((*heads, "peak MiB"), rows)


def _rate(member, figures, product) -> tuple[str, ...]:
    rate, memory = member["rate"]["median"], f"{member['peak_mib']:.0f}"
    if _is_product(member):
        return f"{rate:.0f}", "", f"{rate / 1e3:.0f}", "", "", memory
    compiled = member["facts"].get("compile_seconds")
    said = "" if compiled is None else f"{compiled:.1f}"
    ratio = "" if member["kind"] == "mtlx" else _spread(member.get("ratio"))
    if product is None:
        return f"{rate:.0f}", ratio, "", "", said, memory
    reached = rate * figures["step_flops"] / 1e9
    share = f"{reached / product:.2f}"
    return f"{rate:.1f}", ratio, f"{reached:.0f}", share, said, memory


def _processes(members: Mapping[str, Any]) -> str:
    rows = []
    for name, member in members.items():
        if "error" in member:
            rows.append((name, f"failed: {member['error']}", "", ""))
            continue
        cores = f"{member['cores']:.2f}"
        ratio = _spread(member.get("ratio"))
        rows.append((name, _spread(member["wall"], "s"), ratio, cores))
    return _table(("variant", "wall", "over mtlx", "cores used"), rows)


def _is_product(member: Mapping[str, Any]) -> bool:
    return member.get("kind") == "product" and "rate" in member


def _spread(values: Mapping[str, float] | None, unit: str = "") -> str:
    if values is None:
        return ""
    low, high = values["lowest"], values["highest"]
    return f"{values['median']:.2f} {unit} ({low:.2f} to {high:.2f})".replace("  ", " ")


def _table(heads, rows) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


if __name__ == "__main__":
    print(f"Wrote {write_page(read_results()).relative_to(FOLDER.parents[1])}")
