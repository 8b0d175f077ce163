"""What each setting is worth: python -m experiments.ablate over='[NAME=A,B, ...]'."""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from experiments.composed_job import compose_job
from experiments.job import say
from experiments.record import folder_name, read_result
from experiments.sweep import SweepProgress
from experiments.vectorized import all_devices, train_jobs
from mtlx.metrics import METRICS
from mtlx.results import style
from mtlx.results.effects import designs, measure_effects
from mtlx.results.effects_plot import draw_effects
from mtlx.results.markdown import markdown_table

USAGE = """\
python -m experiments.ablate over='[NAME=A,B,..., NAME=A,B,...]' [experiment=NAME]
    [design=one_factor|factorial] [seeds=N] [study=NAME] [any override of the others]

Trains a study of effects and writes effects.md, effects.csv and effects.png into its
folder, runs/STUDY. The first level of each factor is the reference. one_factor (the
default) changes one factor at a time; factorial runs all combinations, which shows
interactions too. seeds: 0 .. N - 1, 5 by default. Of an experiment its data, trainer
and optimizer count, not the lists of its sweep. A second call runs what is missing.

  python -m experiments.ablate experiment=compare model=mmoe \\
      over='[model.num_experts=8,2, balancer=equal,pcgrad, model.tower_widths=[32],[]]'
"""
OWN = {"over": None, "design": "one_factor", "seeds": "5", "study": None}


class Ablation(NamedTuple):
    """What was asked for."""

    factors: dict[str, tuple[str, ...]]
    design: str
    seeds: int
    study: str
    overrides: tuple[str, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains and reports; 1 if a run failed or an argument is wrong, else 0."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if {"-h", "--help"} & set(arguments):
        print(USAGE)
        return 0
    try:
        ablation = read_arguments(arguments)
        points = designs(ablation.factors, ablation.design)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    failed = train_points(ablation, points, all_devices())
    for line in failed:
        print(f"error: {line}", file=sys.stderr)
    if not failed:
        say(write_effects(ablation, points))
    return int(bool(failed))


def read_arguments(arguments: Sequence[str]) -> Ablation:
    """name=value pairs; those that are none of ours go to every run.

    Raises:
        ValueError: no pair, no `over`, or a number of seeds below 1.
    """
    own, overrides = dict(OWN), []
    for argument in arguments:
        name, sign, value = argument.partition("=")
        if not sign:
            raise ValueError(f"Expected name=value, found {argument!r}. See --help.")
        if name in own:
            own[name] = value
        else:
            overrides.append(argument)
    if own["over"] is None:
        raise ValueError("Expected over='[name=level,level, ...]', found none.")
    if not own["seeds"].isdigit() or int(own["seeds"]) < 1:
        raise ValueError(f"seeds: expected a number above 0, found {own['seeds']!r}.")
    of = next(
        (o.split("=", 1)[1] for o in overrides if o.startswith("experiment=")), ""
    )
    return Ablation(
        factors=read_factors(own["over"]),
        design=own["design"],
        seeds=int(own["seeds"]),
        study=own["study"] or "_".join(filter(None, ["ablate", of])),
        overrides=tuple(overrides),
    )


def read_factors(text: str) -> dict[str, tuple[str, ...]]:
    """'[a.b=1,2, c=[4],[8]]' as {"a.b": ("1", "2"), "c": ("[4]", "[8]")}.

    Raises:
        ValueError: no list, a level before the first name, or a name twice.
    """
    text = text.strip()
    if not (text.startswith("[") and text.endswith("]")):
        raise ValueError(f"over: expected '[name=level,level, ...]', found {text!r}.")
    factors: dict[str, list[str]] = {}
    name = None
    for part in _split(text[1:-1]):
        start = re.match(r"([+~]?[A-Za-z_][\w./@]*)=", part)
        if start:
            name, part = start.group(1), part[start.end() :]
            if name in factors:
                raise ValueError(
                    f"over: expected each name once, found {name!r} twice."
                )
            factors[name] = []
        if name is None:
            raise ValueError(f"over: expected name=level first, found {part!r}.")
        factors[name].append(part)
    return {name: tuple(levels) for name, levels in factors.items()}


def _split(text: str) -> list[str]:
    """At the commas that are in no brackets."""
    parts, depth = [""], 0
    for sign in text:
        depth += (sign in "[{(") - (sign in "]})")
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts if part.strip()]


def folder_of(ablation: Ablation, point: Mapping[str, str], seed: int) -> Path:
    """E.g. runs/STUDY/balancer=equal,num_experts=8/seed=0."""
    levels = ",".join(f"{name}={level}" for name, level in point.items())
    name = folder_name(levels).replace("/", "-")
    return Path("runs") / ablation.study / name / f"seed={seed}"


def train_points(
    ablation: Ablation, points: Sequence[Mapping[str, str]], devices: int
) -> list[str]:
    """Trains what has no result yet; what failed, in words."""
    runs = [(point, seed) for point in points for seed in range(ablation.seeds)]
    jobs = [
        compose_job(
            (
                *ablation.overrides,
                *(f"{name}={level}" for name, level in point.items()),
                f"study={ablation.study}",
                "resume=true",
            ),
            folder_of(ablation, point, seed),
            number,
            seed,
        )
        for number, (point, seed) in enumerate(runs)
    ]
    SweepProgress.total = len(jobs)
    failed = train_jobs(jobs, None, devices)
    return [
        f"{runs[number][0]}, seed {runs[number][1]}: {e}"
        for number, e in failed.items()
    ]


def write_effects(ablation: Ablation, points: Sequence[Mapping[str, str]]) -> str:
    """Table, raw figures and picture; the table as text."""
    runs = [
        {**point, "seed": seed, "record": read_result(folder_of(ablation, point, seed))}
        for point in points
        for seed in range(ablation.seeds)
    ]
    tables = {}
    for task, facts in runs[0]["record"]["tasks"].items():
        metric = facts["metrics"][0]
        values = [{**r, "value": _value(r["record"], task, metric)} for r in runs]
        sign = 1 if METRICS[metric].higher_is_better else -1
        frame = pd.DataFrame(values).drop(columns="record")
        tables[f"{task} {metric}"] = measure_effects(frame, ablation.factors, sign)
    folder = Path("runs") / ablation.study
    with style.look():
        draw_effects(tables, ablation.study).savefig(folder / "effects.png")
    whole = pd.concat(table.assign(quantity=name) for name, table in tables.items())
    whole.to_csv(folder / "effects.csv", index=False, lineterminator="\n")
    text = to_markdown(ablation, tables)
    (folder / "effects.md").write_text(text, encoding="utf-8")
    return text


def to_markdown(ablation: Ablation, tables: Mapping[str, pd.DataFrame]) -> str:
    """One line an effect, one column a quantity."""
    reference = ", ".join(f"{n}={levels[0]}" for n, levels in ablation.factors.items())
    lines = zip(*(table.itertuples() for table in tables.values()), strict=True)
    grid = markdown_table(
        ["effect", *tables],
        ([f"`{rows[0].effect}`", *map(_cell, rows)] for rows in lines),
    )
    return (
        f"# {ablation.study}\n\n{grid}\n\n"
        f"Reference: {reference}. Design: {ablation.design}, {ablation.seeds} seeds; "
        f"{', '.join(ablation.overrides)}.\n\n"
        "Gain on the test split over the reference level, positive where it is better: "
        "mean over seeds ± half-width of the 95 % t-interval, averaged over the other "
        "factors' settings. a x b: what both gain together beyond the sum of their own "
        "gains. *: p < .05 by the paired t-test after Holm's correction over the "
        "column; effects.csv has bootstrap intervals and Wilcoxon's p-values too.\n"
    )


def _cell(row: Any) -> str:
    spread = "n/a" if row.n < 2 else f"{row.ci95:.4f}"
    return f"{row.gain:+.4f} ± {spread}{' *' if row.p_holm < 0.05 else ''}"


def _value(record: Mapping[str, Any], task: str, metric: str) -> float:
    value = record["test"][task][metric]
    return float("nan") if value is None else float(value)


if __name__ == "__main__":
    sys.exit(main())
