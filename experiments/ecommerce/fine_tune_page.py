"""Day by day: python -m experiments.ecommerce.fine_tune_page runs/STUDY PAGE.md.

Writes, between two marks of a page written by hand, what training on each new day is
worth in a study that `fine_tune` went through; beside the page, in a folder of its
name, a picture and all figures.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from experiments.study_page import (
    describe_study,
    fill_page,
    folder_of_page,
    page_command,
)
from mtlx.results import style
from mtlx.results.daily import draw_days, gains, read_days, short
from mtlx.results.markdown import markdown_table
from mtlx.results.store import Study


def write_page(study: Study, page: Path) -> None:
    """Replaces what stands between the marks; writes days.csv and days.png.

    Raises:
        FileNotFoundError: no such page, or a run that was not fine-tuned.
        ValueError: a page without the marks, or runs of different days.
    """
    rows = read_days(study.path / run for run in study.records)
    folder = folder_of_page(page)
    runs = {run: number for number, run in enumerate(rows["run"].unique())}
    rows = rows.assign(run=rows["run"].map(runs))
    rows.to_csv(folder / "days.csv", index=False)
    with style.look():
        draw_days(rows, _title(study)).savefig(folder / "days.png")
    picture = f"![Each metric by day and task]({folder.name}/days.png)"
    fill_page(page, [*tables(rows), picture, _facts(study)])


def tables(rows: pd.DataFrame) -> list[str]:
    """One Markdown table a metric: the days down, the tasks across.

    The last row is the mean of the days but the first, before which nothing was tuned.
    """
    dates = rows["date"].unique().tolist()
    spans = [(short(date), [date]) for date in dates]
    spans.append((f"mean {short(dates[1])} to {short(dates[-1])}", dates[1:]))
    found = [(name, gains(rows, span)) for name, span in spans]
    counts = rows.groupby("date")["rows"].first()
    return [
        _table(metric, rows["task"].unique(), found, counts)
        for metric in rows["metric"].unique()
    ]


def _table(
    metric: str,
    tasks: Sequence[str],
    found: list[tuple[str, pd.DataFrame]],
    counts: pd.Series,
) -> str:
    heads = [f"{task} {what}" for task in tasks for what in (metric, "gain")]
    lines = []
    sizes = [*(f"{count:,}" for count in counts), ""]
    for (name, table), size in zip(found, sizes, strict=True):
        of = table[table["metric"] == metric].set_index("task")
        cells = [cell for task in tasks for cell in _cells(of.loc[task])]
        lines.append([name, size, *cells])
    return markdown_table(["day", "rows", *heads], lines)


def _cells(row: pd.Series) -> tuple[str, str]:
    return f"{row['frozen']:.4f}", f"{row['gain']:+.4f} ± {row['half_width']:.4f}"


def _title(study: Study) -> str:
    (data,) = study.tasks
    return f"{data}: every day before it is trained on"


def _facts(study: Study) -> str:
    return (
        f"{describe_study(study)}. The first column of a task is the frozen model, the "
        f"second how much more the tuned one has on the same rows (seeds paired); less "
        f"is better for log_loss. On the first day they are one model."
    )


main = page_command(
    "ecommerce.fine_tune_page",
    "Write what training on each new day is worth into a page.",
    "runs/kuairand_days docs/results/kuairand_days.md",
    write_page,
)


if __name__ == "__main__":
    sys.exit(main())
