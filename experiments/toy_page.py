"""The page of the closed-form problems: pictures and tables, as Markdown."""

from pathlib import Path

import numpy as np

from experiments.toy_methods import COMPARED, METHODS, kind
from experiments.toy_reference import CAGRAD, NASH
from experiments.toy_runs import (
    GRADNORM_METHODS,
    GRADNORM_TASKS,
    QUADRATICS,
    SETTINGS,
)
from mtlx.results.markdown import markdown_table

REFERENCES = {"nash": NASH, "cagrad": CAGRAD}
HEAD = """# Closed-form problems

What `make toy` draws. The right answers are known here, so that a balancer that is
wrong shows. Points, losses and gradients are exact and in float64; the balancers are
those of the library, in float32, with the settings listed at the end.
"""
TOY = """
## The two-dimensional toy

Two log-valleys above, two bowls below; the Pareto set lies between the bowls. Contours
are those of the mean of the losses that the methods see. Adam, learning rate 1e-3.
"""
ENDS = """
### End points and an independent calculation

The reference is a calculation in NumPy, float64 throughout, with closed forms for two
tasks. `met` is where the run first met the front, `end` its last point. On the front
the directions of MGDA, PCGrad, IMTL-G and Nash-MTL vanish, and what moves a run there
is the rounding of a float32 Gram matrix, which Adam makes large; their references are
compared with `met` ("arrives"). For the same reason the ridge of UPGrad and FairGrad,
which keeps their weights finite, decides where they go once they are there. "stuck" and
"late" runs are in a log-valley, or on their way; where the reference is "loose",
float64 calculations differ, too.
"""
QUADRATIC = """
## Quadratics

Plain gradient descent with the published learning rates; the distance to the Pareto set
is exact. At a constant rate a direction of constant length (Nash-MTL) does not settle.
The axes of EWQ are weakly Pareto-stationary: there MGDA stops, and IMTL-G and
Aligned-MTL slow down.
"""
GRADNORM = """
## GradNorm's toy

Regressions of one function at unlike scales σ; a shared network of four layers, Adam,
fresh rows at each step, one seed. The score is the sum of the tasks' test losses, each
relative to that of the untrained network. These are short runs. The task of the small
scale gets the weight from GradNorm, as published. Whether uncertainty weighting does
worse, as published, depends on how long one trains and on what the paper leaves open.
"""


def write(results: dict, pictures: dict[str, Path]) -> str:
    """The whole page; pictures lie beside it."""

    def show(name, text):
        return f"\n![{text}]({pictures[name].name})\n"

    parts = [
        HEAD,
        TOY,
        show("toy2d_gram", "Trajectories of the methods of the Gram matrix"),
        show("toy2d_others", "Trajectories of the other methods"),
        show("toy2d_cagrad", "Trajectories in CAGrad's setting"),
        ENDS,
        *(f"\n{SETTINGS[key].title}:\n\n{_ends(results, key)}" for key in SETTINGS),
        QUADRATIC,
        show("quadratics", "Trajectories on three quadratics"),
        show("quadratics_distance", "Distance to the Pareto set by step"),
        "\nThe largest distance over the starts, at the end:\n\n",
        _distances(results),
        GRADNORM,
        show("gradnorm", "Score and task weights by step"),
        "\nAt the end:\n\n",
        _scores(results),
        "\n## Settings\n\n",
        _settings(),
    ]
    return "".join(parts)


def _table(head: list[str], rows: list[list[str]]) -> str:
    return markdown_table(head, rows, words=None) + "\n"


def _point(x) -> str:
    # + 0.0 makes no difference but to -0.
    return "({:.2f}, {:.2f})".format(*(np.round(x, 2) + 0.0))


def _ends(results: dict, key: str) -> str:
    rows = []
    for name in SETTINGS[key].methods:
        path, known = results["toy2d", key, name], REFERENCES[key].get(name)
        for i, start in enumerate(SETTINGS[key].starts):
            met, end = path.met[i], path.x[i, -1]
            row = [name if i == 0 else "", _point(start)]
            row += [_point(met) if path.distance[i].min() < 0.02 else "", _point(end)]
            if known is None:
                rows.append([*row, "", "", ""])
                continue
            compared = met if known[i].how == "arrives" else end
            gap = np.abs(compared - np.array(known[i].x)).max()
            rows.append([*row, _point(known[i].x), f"{gap:.2f}", known[i].how])
    head = ["method", "start", "met", "end", "reference", "difference", "how"]
    return _table(head, rows)


def _distances(results: dict) -> str:
    rows = [
        [name]
        + [f"{results['quadratics', q, name].distance[:, -1].max():.2g}" for q in rates]
        for name in COMPARED
        for rates in [list(QUADRATICS)]
    ]
    return _table(["method", *(q.upper() for q in QUADRATICS)], rows)


def _scores(results: dict) -> str:
    rows = []
    for case in GRADNORM_TASKS:
        for name in GRADNORM_METHODS:
            run = results["gradnorm", case, name]
            weights = run["weights"][-1][np.argsort(run["scales"])]
            span = f"{weights[0]:.3g}, {weights[-1]:.3g}"
            steps = str(run["steps"][-1])
            rows.append([case, name, steps, f"{run['score'][-1]:.3f}", span])
    last = "weights of the smallest and the largest σ"
    return _table(["tasks", "method", "steps", "score", last], rows)


def _settings() -> str:
    rows = []
    for name, method in METHODS.items():
        settings = ", ".join(f"{k}={v!r}" for k, v in method.settings.items())
        rates = ", ".join(f"{rate:g}" for rate in method.rates or ())
        rows.append([name, kind(name), settings or "defaults", rates])
    head = ["method", "looks at", "settings", "rates on EWQ, CQF, HQF"]
    return _table(head, rows)
