"""Whether predicted probabilities are frequencies, in a picture."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from mtlx.calibration_metrics import ReliabilityCurve
from mtlx.results import style


def draw_reliability(
    curves: Mapping[str, Mapping[str, ReliabilityCurve]], title: str
) -> Figure:
    """Share of positives against mean predicted probability, a panel a task.

    Args:
        curves: task -> model -> its curve.
        title: of the picture.
    """
    figure, axes = style.panels(1, len(curves), (1.2 + 3.4 * len(curves), 4.4))
    names = list(dict.fromkeys(name for models in curves.values() for name in models))
    color, shape = style.colors(names), style.markers(names)
    for axis, (task, models) in zip(axes[0], curves.items(), strict=True):
        highest = max(
            float(max(curve.confidence.max(), curve.frequency.max()))
            for curve in models.values()
        )
        axis.plot([0, highest], [0, highest], **style.REFERENCE)
        for name, curve in models.items():
            look = {"color": color[name], "marker": shape[name], "ms": 3, "lw": 1.2}
            axis.plot(curve.confidence, curve.frequency, label=name, **look)
        axis.set_title(task, loc="left")
        axis.set_xlabel("mean predicted probability")
    axes[0, 0].set_ylabel("share of positives")
    style.head(figure, title)
    style.legend_below(figure, axes[0, 0], title="dashed: calibrated")
    return figure
