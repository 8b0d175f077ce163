"""Published tables and ours: python -m experiments.reproduce paper=P table=T."""

import datetime
import importlib.metadata
import json
import os
import platform
import re
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from experiments.reproduce_cells import (
    cells_of,
    read_histories,
    read_runs,
    run_cells,
    tune,
)
from experiments.reproduce_spec import choose_tables, load_spec
from experiments.vectorized import all_devices
from mtlx.data.folders import data_folder
from mtlx.results import style
from mtlx.results.reproduction.drawings import draw_pictures
from mtlx.results.reproduction.fields import SpecError
from mtlx.results.reproduction.history import needs_histories
from mtlx.results.reproduction.judge import Record, count_verdicts, judge_table
from mtlx.results.reproduction.spec import Spec, reduce_spec
from mtlx.results.reproduction.writers import WRITERS, to_markdown

ROOT = Path("runs/reproduce")
NUMBERS = re.compile(r"\[\n(?:[-+.\deE,\s]|null)*\]")
USAGE = """\
python -m experiments.reproduce [paper=PAPER [table=TABLE]] [seeds=N|reduced|published]
                                [run=true|false] [output=FOLDER]

Runs the cells of published tables (conf/reproduce/PAPER/TABLE.yaml) that have no result
yet, seeds in one program, and writes ours beside the published values: Markdown, LaTeX,
CSV, HTML and the record they are read from, in FOLDER/PAPER/TABLE.* (default:
runs/reproduce). A table whose data are not free to have runs where MTLX_DATA_DIR holds
them. seeds: runs of a row, by default the published number; reduced: those that the
table's file says, and what else it then shortens. run=false only judges what there is.
Without table or paper: all tables."""
KEYS = {"paper": None, "table": None, "seeds": "published", "run": "true"} | {
    "output": str(ROOT)
}


class Options(NamedTuple):
    """What was asked for."""

    paper: str | None
    table: str | None
    seeds: str
    run: bool
    output: Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Every chosen table; 1 if a run failed or something could not be read, else 0."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if {"-h", "--help"} & set(arguments):
        print(USAGE)
        return 0
    failed: list[str] = []
    try:
        options = read_options(arguments)
        specs = [load_spec(n) for n in choose_tables(options.paper, options.table)]
        counts = [count_seeds(spec, options.seeds) for spec in specs]
    except SpecError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    devices = all_devices() if options.run else 1
    for spec, seeds in zip(specs, counts, strict=True):
        if options.run and (why := missing_data(spec)):
            # Asked for by its name it must run; among all tables it need not.
            if options.table is not None:
                failed.append(why)
            else:
                print(why)
            continue
        record, lost = reproduce(spec, seeds, options, devices)
        write(record, options.output)
        show(record, options.output)
        failed += lost
    for line in failed:
        print(f"error: {line}", file=sys.stderr)
    return int(bool(failed))


def read_options(arguments: Sequence[str]) -> Options:
    """name=value pairs.

    Raises:
        SpecError: no pair, or an unknown name or value.
    """
    values = dict(KEYS)
    for argument in arguments:
        name, sign, value = argument.partition("=")
        if not sign or name not in KEYS:
            raise SpecError(f"Expected {', '.join(KEYS)}=..., found {argument!r}.")
        values[name] = value
    if values["run"] not in ("true", "false"):
        raise SpecError(f"run: expected true or false, found {values['run']!r}.")
    return Options(
        values["paper"],
        values["table"],
        values["seeds"],
        values["run"] == "true",
        Path(values["output"]),
    )


def count_seeds(spec: Spec, asked: str) -> int:
    """Runs a row.

    Raises:
        SpecError: neither a number above 0 nor one of the two words.
    """
    named = {"reduced": spec.reduced_seeds, "published": spec.seeds}
    if asked in named:
        return named[asked]
    if not asked.isdigit() or int(asked) < 1:
        raise SpecError(
            f"seeds: expected a number above 0, {' or '.join(named)}, found {asked!r}."
        )
    return int(asked)


def missing_data(spec: Spec) -> str:
    """What a table needs and the data folder lacks, in words; "" if nothing."""
    root = data_folder(None)
    absent = [name for name in spec.needs if not (root and (root / name).exists())]
    if not absent:
        return ""
    where = f"MTLX_DATA_DIR={root}" if root else "a folder named by MTLX_DATA_DIR"
    return (
        f"{spec.name}: expected {', '.join(absent)} in {where}, found no such files; "
        f"nothing was run (run=false shows the published values). {spec.unavailable}."
    )


def choose_protocol(spec: Spec, options: Options) -> tuple[Spec, Path, bool]:
    """The table in full or reduced, the folder of its runs, and whether to run it.

    A table with a reduced protocol is run by it where seeds=reduced, in a folder of its
    own. Where anything was run in full that is what is shown, and reduced runs would
    be for nothing.
    """
    root = ROOT / spec.name
    if spec.reduced is None or (options.run and options.seeds != "reduced"):
        return spec, root, options.run
    chosen, _ = tune(spec, root, 1, run=False)
    _, full = read_runs(cells_of(spec, root, spec.seeds, chosen))
    if not full:
        return reduce_spec(spec), root / "reduced", options.run
    if options.run:
        console().print(f"{spec.name}: was run in full; the reduced runs are left out.")
    return spec, root, False


def reproduce(
    spec: Spec, seeds: int, options: Options, devices: int
) -> tuple[Record, list[str]]:
    """The judged table, and what failed."""
    begin, (spec, root, run) = time.perf_counter(), choose_protocol(spec, options)
    chosen, failed = tune(spec, root, devices, run)
    cells = cells_of(spec, root, seeds, chosen)
    if run:
        failed += run_cells(spec, cells, devices)
    # What more was run before counts too: few seeds never replace many.
    cells = cells_of(spec, root, max(seeds, spec.seeds), chosen)
    runs, records = read_runs(cells)
    most = max(map(len, runs.values()), default=0)
    facts = _facts(spec, most, records) if records else {}
    if records and spec.tuning is not None:
        facts["chosen"] = "; ".join(f"{row}: {of}" for row, of in chosen.items())
    if run and records:
        facts["this call"] = f"{(time.perf_counter() - begin) / 60:.1f} minutes"
    histories = read_histories(cells) if needs_histories(spec) else {}
    return judge_table(spec, runs, facts, histories), failed


def write(record: Record, output: Path) -> None:
    """TABLE.json, every rendering of it, and its pictures if something was run."""
    path = output / record["paper"] / f"{record['table']}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_to_json(record), encoding="utf-8")
    for suffix, render in WRITERS.items():
        path.with_suffix(f".{suffix}").write_text(render(record), encoding="utf-8")
    with style.look():
        for name, figure in draw_pictures(record).items():
            figure.savefig(path.with_name(f"{name}.png"))


def show(record: Record, output: Path) -> None:
    """Prints the table and where it went."""
    console().print(to_markdown(record), markup=False, highlight=False)
    counts = ", ".join(f"{n} {word}" for word, n in count_verdicts(record).items() if n)
    place = output / record["paper"] / f"{record['table']}.md"
    console().print(f"{place}: {counts}", markup=False, highlight=False)


def console() -> Console:
    """As wide as its text."""
    return Console(soft_wrap=True)


def _to_json(record: Record) -> str:
    """A line an entry, but for lists of numbers, which have one line each."""
    text = json.dumps(record, indent=1)
    return NUMBERS.sub(lambda found: " ".join(found[0].split()), text) + "\n"


def _facts(
    spec: Spec, seeds: int, records: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    versions = {
        name: importlib.metadata.version(name) for name in ("jax", "flax", "optax")
    }
    seconds = sum(record["train_seconds"] for record in records)
    spent = f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.1f} minutes"
    apart = ", tuning apart" if spec.tuning else ""
    return {
        "command": f"python -m experiments.reproduce paper={spec.paper} "
        f"table={spec.table} seeds={'reduced' if spec.is_reduced else seeds}",
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": ", ".join(f"{name} {of}" for name, of in versions.items()),
        "training": f"{spent} for {len(records)} runs{apart}",
    }


if __name__ == "__main__":
    sys.exit(main())
