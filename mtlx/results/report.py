"""A study's report: Markdown, CSV, pictures, and one self-contained page."""

import base64
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import jinja2

from mtlx.results.attributions import find_explanation
from mtlx.results.captions import describe_table
from mtlx.results.comparison_table import (
    CAPTION,
    comparisons_to_csv,
    lay_out_comparisons,
)
from mtlx.results.plots import Picture, draw_study
from mtlx.results.provenance import Provenance, trace
from mtlx.results.store import Study, load_study
from mtlx.results.summary import summarise
from mtlx.results.tables import grid_to_markdown, lay_out, to_csv, to_markdown

TEMPLATE = "report.html.j2"
COMPARED = "Against single-task, seed by seed"


class Report(NamedTuple):
    """The files that `write_report` wrote."""

    markdown: Path
    csv: Path
    comparisons: Path
    html: Path
    pictures: list[Path]


def write_report(path: str | Path) -> Report:
    """Write results.md, two CSVs, report.html and PNGs into the study folder.

    Args:
        path: the study folder, see `load_study`.

    Returns:
        The paths of the files.

    Raises:
        FileNotFoundError, ValueError: as `load_study`.
    """
    study = load_study(path)
    pictures = {data: draw_study(study, data, study.path) for data in study.tasks}
    facts = trace(study)
    texts = {
        "results.md": _markdown(study, facts, pictures),
        "results.csv": to_csv(study),
        "comparisons.csv": comparisons_to_csv(study),
        "report.html": _html(study, facts, pictures),
    }
    for name, text in texts.items():
        (study.path / name).write_text(text, encoding="utf-8")
    markdown, csv, comparisons, html = (study.path / name for name in texts)
    paths = [picture.path for drawn in pictures.values() for picture in drawn]
    return Report(markdown, csv, comparisons, html, paths)


def _markdown(
    study: Study, facts: Provenance, pictures: dict[str, list[Picture]]
) -> str:
    parts = [f"# {_name(study)}", _counts(study)]
    for data in study.tasks:
        parts += [f"## {data}", to_markdown(summarise(study, data)).rstrip()]
        parts += [_bullets(describe_table(study, data, "headline", "†"))]
        if (grid := lay_out_comparisons(study, data)) is not None:
            parts += [f"### {COMPARED}", grid_to_markdown(grid).rstrip()]
            parts += [_bullets(CAPTION)]
        for picture in pictures[data]:
            parts += [f"![{picture.caption}]({picture.path.name})", picture.caption]
    for run, picture in _explained(study):
        parts += [f"## Why it said so: {run}", picture.caption]
        parts += [f"![Attributions]({picture.path.relative_to(study.path).as_posix()})"]
    parts += ["## How it was run", _bullets(f"{k}: {v}" for k, v in _facts(facts))]
    parts += [_bullets(f"`{k}={v}`" for k, v in facts.overrides.items())]
    if study.unfinished:
        runs = _bullets(f"`{run.as_posix()}`" for run in study.unfinished)
        parts += ["## Unfinished runs", "Not in the figures above.", runs]
    return "\n\n".join(part for part in parts if part) + "\n"


def _html(study: Study, facts: Provenance, pictures: dict[str, list[Picture]]) -> str:
    source = resources.files(__package__).joinpath(TEMPLATE).read_text("utf-8")
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.from_string(source).render(
        name=_name(study),
        counts=_counts(study),
        sections=[_section(study, data, pictures[data]) for data in study.tasks],
        explained=[(run, *_encoded(p)) for run, p in _explained(study)],
        facts=_facts(facts),
        overrides=facts.overrides,
        unfinished=[run.as_posix() for run in study.unfinished],
    )


def _section(study: Study, data: str, pictures: list[Picture]) -> dict[str, Any]:
    tables = {
        over: {
            "grid": lay_out(summarise(study, data, over)),
            "caption": describe_table(study, data, over, "underlined"),
        }
        for over in ("headline", "all")
    }
    grid = lay_out_comparisons(study, data)
    compared = {"title": COMPARED, "table": {"grid": grid, "caption": CAPTION}}
    return {
        "data": data,
        "tables": tables,
        "compared": compared if grid is not None else None,
        "pictures": [_encoded(picture) for picture in pictures],
    }


def _encoded(picture: Picture) -> tuple[str, str]:
    return base64.b64encode(picture.path.read_bytes()).decode(), picture.caption


def _explained(study: Study) -> list[tuple[str, Picture]]:
    """The runs whose rows were explained (`experiments.predict explain=true`)."""
    found = ((run, find_explanation(study.path / run)) for run in study.records)
    return [(run, picture) for run, picture in found if picture is not None]


def _name(study: Study) -> str:
    return study.path.resolve().name


def _counts(study: Study) -> str:
    text = f"{len(study.records)} finished runs"
    if study.unfinished:
        text += f", {len(study.unfinished)} unfinished (listed at the end)"
    return text + "."


def _facts(facts: Provenance) -> list[tuple[str, str]]:
    return [("Date", facts.date), ("Device", facts.device), *facts.versions.items()]


def _bullets(lines) -> str:
    return "\n".join(f"* {line}" for line in lines)
