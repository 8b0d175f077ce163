"""Tables and pictures of finished runs: python -m experiments.report runs/STUDY."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from mtlx.results.captions import describe_table
from mtlx.results.report import Report, write_report
from mtlx.results.store import load_study
from mtlx.results.summary import summarise
from mtlx.results.tables import to_rich

TIED = {True: "underlined", False: "†"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Report on each folder; 1 if one could not be read, else 0."""
    options = _parser().parse_args(arguments)
    failed = False
    for folder in options.folders:
        try:
            report = write_report(folder)
            _show(folder, options.metrics)
        except (FileNotFoundError, ValueError) as error:
            print(f"error: {error}", file=sys.stderr)
            failed = True
        else:
            print(_whereabouts(report))
    return int(failed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.report",
        description="Print the table of a study and write results.md, results.csv, "
        "comparisons.csv, report.html and its pictures into the study's folder. Reads "
        "whatever is there: unfinished runs are listed, not counted.",
        epilog="Example: python -m experiments.report runs/compare",
    )
    parser.add_argument(
        "folders",
        nargs="+",
        type=Path,
        metavar="runs/STUDY",
        help="a study's folder: run folders at any depth",
    )
    parser.add_argument(
        "--metrics",
        choices=("headline", "all"),
        default="headline",
        help="what the printed table shows and its deltas span: the first metric of "
        "each task, or all (default: headline; the report holds both)",
    )
    return parser


def _show(folder: Path, over: str) -> None:
    study, console = load_study(folder), Console()
    for data in study.tasks:
        title = f"{folder.resolve().name}: {data}"
        styled = console.is_terminal
        table = to_rich(summarise(study, data, over), title, styled)
        # Wider than the terminal its lines wrap; fitted to it figures would be cut.
        unbounded = console.options.update(max_width=1000)
        width = console.measure(table, options=unbounded).maximum
        console.width = max(console.width, width)
        console.print(table)
        for sentence in describe_table(study, data, over, TIED[styled]):
            console.print(sentence, style="dim", highlight=False, width=100)
    for run in study.unfinished:
        console.print(f"Unfinished, not counted: {run}", highlight=False)


def _whereabouts(report: Report) -> str:
    texts = (report.markdown, report.csv, report.comparisons)
    names = [*(text.name for text in texts), f"{len(report.pictures)} PNGs"]
    return f"Report: {report.html} ({', '.join(names)} beside it)"


if __name__ == "__main__":
    sys.exit(main())
