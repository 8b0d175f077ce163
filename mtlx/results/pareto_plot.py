"""All fixed weights and all balancers, one task against the other."""

import numpy as np
from matplotlib.figure import Figure

from mtlx.results import style
from mtlx.results.dots import ARROWS
from mtlx.results.scalarisation import FIXED, front, headline_runs, signs
from mtlx.results.store import Study

SIZE = (4.6, 4.2)  # inch, of a panel


def draw_pareto(study: Study, data: str, title: str) -> Figure:
    """Means over seeds on the test split; a panel a model.

    Fixed weights are grey, those that no other weights beat in both tasks are joined.

    Raises:
        ValueError: a data set of other than two tasks.
    """
    tasks = list(study.tasks[data])
    if len(tasks) != 2:
        raise ValueError(
            f"draw_pareto expected two tasks, found {tasks}. Choose data.tasks."
        )
    runs = headline_runs(study, data, "test")
    models = runs["model"].unique()
    size = (SIZE[0] * len(models), SIZE[1] + 1.0)
    figure, axes = style.panels(1, len(models), size, sharex=True, sharey=True)
    others = runs[runs["balancer"] != FIXED]["method"].unique()
    color, face, shape = (
        style.colors(others),
        style.faces(others),
        style.markers(others),
    )
    for axis, model in zip(axes[0], models, strict=True):
        rows = runs[runs["model"] == model]
        means = rows.groupby(["balancer", "method"], sort=False)[tasks].mean()
        fixed = means.loc[[FIXED]].to_numpy()
        axis.plot(*fixed.T, "o", color="#aaaaaa", ms=5, label="fixed weights")
        best = fixed[front(fixed, signs(study, data))]
        best = best[np.argsort(best[:, 0])]
        axis.plot(*best.T, "-", color="#aaaaaa", linewidth=1.2)
        for (balancer, method), point in means.iterrows():
            if balancer != FIXED:
                look = {"color": color[method], "mfc": face[method], "ms": 6}
                axis.plot(*point, shape[method], label=method, linestyle="none", **look)
        axis.set_title(model, loc="left")
        axis.xaxis.get_major_locator().set_params(nbins=4)
        axis.set_xlabel(_label(study, data, tasks[0]))
        axis.set_ylabel(_label(study, data, tasks[1]))
    style.head(figure, title)
    style.legend_below(figure, axes[0, 0], "balancer")
    return figure


def _label(study: Study, data: str, task: str) -> str:
    higher = signs(study, data)[list(study.tasks[data]).index(task)] > 0
    return f"{task}: test {study.tasks[data][task][0]}\n{ARROWS[higher]}"
