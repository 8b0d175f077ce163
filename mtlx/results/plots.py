"""The pictures of a study."""

from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure

from mtlx.results import style
from mtlx.results.comparisons import rank_study
from mtlx.results.critical_difference import draw_critical_difference
from mtlx.results.curves import draw_diagnostics, draw_validation, draw_weights
from mtlx.results.dots import draw_delta, draw_headlines, draw_trade_off
from mtlx.results.store import Study
from mtlx.results.summary import summarise


class Picture(NamedTuple):
    """A PNG and the sentence below it."""

    path: Path
    caption: str


CAPTIONS = {
    "delta_m": "Mean relative drop of the headline metrics against the single-task "
    "mean (dashed), with 95 % t-intervals over seeds.",
    "headlines": "Headline metric of each task, with 95 % t-intervals over seeds; "
    "dashed: the single-task mean.",
    "ranks": "Average rank by Δm over seeds; a bar joins rows that Nemenyi's test "
    "(level .05) does not tell apart. It says nothing of other data sets.",
    "trade_off": "First task against second; colour is the balancer, shape the model. "
    "The best corner is where both axes' arrows point.",
    "validation": "Headline metric on the validation split, up to the last epoch that "
    "every seed reached; the axes fit the last two thirds of the epochs.",
    "diagnostics": "Task gradients of the shared parameters, for the balancers that "
    "measure their Gram matrix; below 0 the worst descent goes against some task.",
    "weights": "Share of each task in the weights that the balancer gave, "
    "|w| over the sum of |w|; equal weights are 1 over the number of tasks.",
}


def draw_study(study: Study, data: str, folder: Path) -> list[Picture]:
    """Write the pictures of one data set as `folder/DATA_NAME.png`, 150 dpi.

    A picture without anything to show is left out: deltas without a single-task run,
    ranks of fewer than three rows or two seeds, the trade-off of a single task or row,
    weights that no balancer recorded.
    """
    with style.look():
        pictures = []
        for name, figure in _draw(study, data).items():
            if figure is not None:
                path = folder / f"{data}_{name}.png"
                figure.savefig(path)
                pictures.append(Picture(path, CAPTIONS[name]))
        return pictures


def _draw(study: Study, data: str) -> dict[str, Figure | None]:
    summary = summarise(study, data)
    compared = summary.loc[summary["quantity"] == "delta_m", "n"].any()
    order = summary[["model", "method"]].drop_duplicates()
    ranking = rank_study(study, data)
    title = f"{data}: average ranks"
    paired = len(study.tasks[data]) > 1 and len(order) > 1
    return {
        "delta_m": draw_delta(summary, data) if compared else None,
        "headlines": draw_headlines(summary, data),
        "ranks": draw_critical_difference(ranking, title) if ranking else None,
        "trade_off": draw_trade_off(summary, data) if paired else None,
        "validation": draw_validation(study, data, order),
        "weights": draw_weights(study, data, order),
        "diagnostics": draw_diagnostics(study, data, order),
    }
