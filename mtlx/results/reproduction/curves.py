"""Curves of a table's runs: mean and 95 % interval, with the published points."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from mtlx.results import style

ACROSS, WIDTH, HEIGHT = 3, 3.6, 3.1  # panels in a line; inch
ENTRY, LETTER = 0.2, 0.095  # inch, of a legend and of the title
POINT = {"marker": "D", "linestyle": "", "mfc": "white", "ms": 4.5, "zorder": 4}


def draw_curves(picture: Mapping[str, Any]) -> Figure | None:
    """One axis a panel; None where nothing was run.

    Args:
        picture: as of `picture_record`.
    """
    panels = [p for p in picture["panels"] if any(line["steps"] for line in p["lines"])]
    if not panels:
        return None
    labels = [[line["label"] for line in panel["lines"]] for panel in panels]
    alike = all(names == labels[0] for names in labels)
    across = min(ACROSS, len(panels))
    down = -(-len(panels) // across)
    room = ENTRY * (1 if alike else max(map(len, labels)) / 2)
    width = max(WIDTH * across, LETTER * len(picture["title"]))
    size = (width, 0.5 + (HEIGHT + room) * down)
    scales = {(panel["metric"], panel["logarithmic"]) for panel in panels}
    figure, axes = style.panels(down, across, size, sharey=len(scales) == 1)
    for axis in axes.flat[len(panels) :]:
        axis.remove()
    for axis, panel in zip(axes.flat, panels, strict=False):
        _draw_panel(axis, panel)
        if not alike:
            _legend(axis, panel)
    if alike:
        style.legend_below(figure, axes[0, 0], title=_note(panels))
    style.head(figure, picture["title"])
    return figure


def _draw_panel(axis: Axes, panel: Mapping[str, Any]) -> None:
    colors = style.colors(line["label"] for line in panel["lines"])
    for line in panel["lines"]:
        color = colors[line["label"]]
        axis.plot(line["steps"], line["mean"], color=color, lw=1.4, label=line["label"])
        if line["steps"] and None not in line["ci95"]:
            pairs = list(zip(line["mean"], line["ci95"], strict=True))
            low, high = [m - w for m, w in pairs], [m + w for m, w in pairs]
            look = {"color": color, "alpha": 0.18, "lw": 0}
            axis.fill_between(line["steps"], low, high, **look)
        if line["published"]:
            steps, values = zip(*line["published"], strict=True)
            axis.plot(steps, values, color=color, **POINT)
    if any(line["published"] for line in panel["lines"]):
        axis.plot([], [], color="#222222", label="published", **POINT)
    if panel["logarithmic"]:
        axis.set_yscale("log")
    axis.set_title(panel["title"], loc="left")
    axis.set_xlabel("step")
    axis.xaxis.get_major_locator().set_params(nbins=5)
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))


def _legend(axis: Axes, panel: Mapping[str, Any]) -> None:
    """Below its own axis: the lines of other panels are other things."""
    place = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.2)}
    axis.legend(ncols=2, title=_note([panel]), **place)


def _note(panels: list[Mapping[str, Any]]) -> str:
    runs = sorted({line["n"] for panel in panels for line in panel["lines"]})
    counts = " to ".join(map(str, dict.fromkeys((runs[0], runs[-1]))))
    return f"mean of {counts} runs, 95 % interval"
