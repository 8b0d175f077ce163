"""Runs the groups of a benchmark one after the other, and keeps what is done."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.comparison import Entry, compare
from benchmarks.rounds import save


def run_groups(
    name: str,
    groups: Mapping[str, Sequence[Entry]],
    options: argparse.Namespace,
    facts: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Every group's comparison, printed and written to benchmarks/results/NAME.json.

    Args:
        name: of the benchmark.
        groups: the members that are compared with each other.
        options: of the command line; `only` names some of the groups.
        facts: further numbers of each group, e.g. the FLOPs of a step.
    """
    chosen = [part for part in options.only.split(",") if part] or list(groups)
    unknown = set(chosen) - set(groups)
    if unknown:
        raise SystemExit(
            f"--only expected some of {', '.join(groups)}, found "
            f"{', '.join(sorted(unknown))}."
        )
    if not options.peer_python:
        print("No peers: give --peer-python, see benchmarks/requirements.txt.")
    figures = {
        "rounds": options.rounds,
        "turn_seconds": options.seconds,
        "threads": options.threads,
        "groups": {},
    }
    for group in chosen:
        members = compare(
            groups[group], options.rounds, options.seconds, options.threads
        )
        figures["groups"][group] = {**facts.get(group, {}), "members": members}
        print(f"\n{name} {group}\n{table(members)}", flush=True)
        path = save(options.name or name, figures)
    print(f"Wrote {path.name}")
    return figures


def table(members: Mapping[str, Any]) -> str:
    """A line a member: its rate, and ours over it."""
    lines = []
    for name, member in members.items():
        if "error" in member:
            lines.append(f"{name:34} {member['error']}")
            continue
        line = f"{name:34} {member['rate']['median']:12.1f}/s"
        if "ratio" in member and member["kind"] not in ("mtlx", "product"):
            ratio = member["ratio"]
            line += (
                f"   mtlx {ratio['median']:5.2f} x "
                f"({ratio['lowest']:.2f} to {ratio['highest']:.2f})"
            )
        lines.append(f"{line}   {member['peak_mib']:6.0f} MiB")
    return "\n".join(lines)
