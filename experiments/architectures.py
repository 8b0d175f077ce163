"""Architectures side by side: python -m experiments.architectures runs/STUDY PAGE.md.

Writes, between two marks of a page whose text is written by hand, the tables of a study
of one data set and one balancer; beside the page, in a folder of its name, every figure
in full precision and a picture.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.study_page import (
    describe_study,
    fill_page,
    folder_of_page,
    only_data_set,
    page_command,
)
from mtlx.results import style
from mtlx.results.dots import draw_headlines
from mtlx.results.markdown import markdown_table
from mtlx.results.store import Study
from mtlx.results.summary import summarise
from mtlx.results.tables import to_csv


def write_page(study: Study, page: Path) -> None:
    """Replaces what stands between the marks; writes results.csv and headlines.png.

    Raises:
        FileNotFoundError: no such page.
        ValueError: a page without the marks, or a study of several data sets.
    """
    data = only_data_set(study)
    folder = folder_of_page(page)
    (folder / "results.csv").write_text(to_csv(study), encoding="utf-8")
    with style.look():
        draw_headlines(summarise(study, data), data).savefig(folder / "headlines.png")
    picture = f"![Test AUC of each task]({folder.name}/headlines.png)"
    fill_page(page, [*tables(study, data), picture, _facts(study)])


def tables(study: Study, data: str) -> list[str]:
    """One Markdown table for each metric; the first has the costs beside it."""
    names = list(dict.fromkeys(m for ms in study.tasks[data].values() for m in ms))
    summary = pd.concat([summarise(study, data, "all"), _steps(study, data)])
    deltas = summarise(study, data).query("quantity == 'delta_m'")
    order = deltas.sort_values("mean", kind="stable")["model"].tolist()
    costs = ["num_parameters", "steps_per_second"]
    found = []
    for place, name in enumerate(names):
        of = summary[summary["metric"] == name]
        columns = [column for _, column in of.groupby("task", sort=False)]
        headings = [f"{column['task'].iloc[0]} {name}" for column in columns]
        if place == 0:
            columns += [deltas, *(summary[summary["quantity"] == c] for c in costs)]
            headings += ["Δm % ↓", "parameters", "steps / s"]
        found.append(_markdown(order, headings, columns))
    return found


def _steps(study: Study, data: str) -> pd.DataFrame:
    """Training steps a second of a run: those of its population, together."""
    costs = study.costs[study.costs["data"] == data].set_index("run")
    steps = study.curves.groupby("run")["step"].max()
    speed = steps.loc[costs.index] / costs["train_seconds"]
    rows = speed.groupby(costs["model"]).mean().rename("mean").reset_index()
    return rows.assign(
        quantity="steps_per_second", metric="", task="", best=False, tied=False
    )


def _markdown(
    order: list[str], headings: list[str], columns: list[pd.DataFrame]
) -> str:
    rows = []
    for model in order:
        cells = (_cell(c[c["model"] == model].iloc[0]) for c in columns)
        rows.append([f"`{model}`", *cells])
    return markdown_table(["model", *headings], rows)


def _cell(row: pd.Series) -> str:
    if np.isnan(row["mean"]):
        return "n/a"
    if row["quantity"] == "num_parameters":
        return f"{row['mean']:,.0f}"
    if row["quantity"] == "steps_per_second":
        return f"{row['mean']:.0f}"
    form = "+.2f" if row["quantity"] == "delta_m" else ".4f"
    text = f"{row['mean']:{form}} ± {row['ci95']:{form.lstrip('+')}}"
    return f"**{text}**" if row["best"] else f"{text} †" if row["tied"] else text


def _facts(study: Study) -> str:
    return (
        f"{describe_study(study)}. Bold: best mean; †: not told "
        f"from it by Welch's t-test (p > .05, not corrected for the number of "
        f"comparisons). Δm: mean relative drop of the first metrics against "
        f"`single_task`, lower is better."
    )


main = page_command(
    "architectures",
    "Write the tables of a study of architectures into a page.",
    "runs/kuairand docs/results/kuairand.md",
    write_page,
)


if __name__ == "__main__":
    sys.exit(main())
