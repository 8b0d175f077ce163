"""Pages with text written by hand and, between two marks, tables of a study."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from mtlx.results.provenance import trace
from mtlx.results.store import Study, load_study

BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"
WritePage = Callable[[Study, Path], None]


def page_command(
    module: str, description: str, example: str, write_page: WritePage
) -> Callable[[Sequence[str] | None], int]:
    """`python -m experiments.MODULE runs/STUDY PAGE.md` as a `main` function.

    It returns the exit status: 1 if the study or the page cannot be read, else 0.
    """
    name = f"python -m experiments.{module}"
    parser = argparse.ArgumentParser(
        prog=name, description=description, epilog=f"Example: {name} {example}"
    )
    parser.add_argument("study", type=Path, metavar="runs/STUDY")
    parser.add_argument("page", type=Path, metavar="PAGE.md")

    def main(arguments: Sequence[str] | None = None) -> int:
        options = parser.parse_args(arguments)
        try:
            write_page(load_study(options.study), options.page)
        except (FileNotFoundError, ValueError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        print(f"Tables: {options.page}")
        return 0

    return main


def only_data_set(study: Study) -> str:
    """The name of the one data set of a study.

    Raises:
        ValueError: there are others.
    """
    if len(study.tasks) != 1:
        raise ValueError(
            f"Expected a study of one data set, found {sorted(study.tasks)} in "
            f"{study.path}."
        )
    return next(iter(study.tasks))


def folder_of_page(page: Path) -> Path:
    """The folder beside the page, of its name, for pictures and figures; made here.

    Raises:
        FileNotFoundError: no such page.
        ValueError: a page without the marks, that could not be filled in.
    """
    _around_marks(page)
    folder = page.with_suffix("")
    folder.mkdir(exist_ok=True)
    return folder


def fill_page(page: Path, parts: Sequence[str]) -> None:
    """Puts paragraphs in place of what stands between the marks.

    Raises:
        FileNotFoundError, ValueError: as `folder_of_page`.
    """
    before, after = _around_marks(page)
    text = "\n\n".join([BEGIN, *parts, END])
    page.write_text(before + text + after, encoding="utf-8")


def describe_study(study: Study) -> str:
    """How many runs, when, where, with which versions, and what ± means."""
    facts = trace(study)
    versions = ", ".join(f"{name} {of}" for name, of in facts.versions.items())
    count = len(study.records)
    return (
        f"{count} run{'s' if count != 1 else ''}, {facts.date}, {facts.device}; "
        f"{versions}. Mean over seeds ± half-width of the 95 % t-interval"
    )


def _around_marks(page: Path) -> tuple[str, str]:
    """What stands before and after the marks."""
    text = page.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"{page}: expected one {BEGIN} and one {END}, found others.")
    before, rest = text.split(BEGIN)
    return before, rest.split(END)[1]
