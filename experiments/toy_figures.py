"""Pictures of the closed-form problems."""

import io
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from experiments.toy_methods import COMPARED, kind
from experiments.toy_runs import GRADNORM_METHODS, QUADRATICS, SETTINGS
from mtlx.problems import Problem, toy2d
from mtlx.results import style

FRONT = {"color": "#111111", "linewidth": 2.2, "solid_capstyle": "butt", "zorder": 4}
PANEL = 1.6  # inch
SHADES = 96


def draw_all(results: dict, folder: Path) -> dict[str, Path]:
    """Every picture, saved into `folder`."""
    nash, cagrad = SETTINGS["nash"], SETTINGS["cagrad"]
    gram = [name for name in nash.methods if name == "equal" or kind(name) == "gram"]
    others = [name for name in nash.methods if name not in gram]
    plans: dict[str, Callable] = {
        "toy2d_gram": lambda: _toy2d(
            results, "nash", gram, "methods of the Gram matrix"
        ),
        "toy2d_others": lambda: _toy2d(results, "nash", others, "other methods"),
        "toy2d_cagrad": lambda: _toy2d(results, "cagrad", cagrad.methods, "", 4),
        "quadratics": lambda: _quadratics(results),
        "quadratics_distance": lambda: _distances(results),
        "gradnorm": lambda: _gradnorm(results),
    }
    paths = {}
    with style.look():
        for name, draw in plans.items():
            paths[name] = folder / f"{name}.png"
            _save(draw(), paths[name])
    return paths


def _save(figure, path: Path) -> None:
    """With a palette: a third of the size, and the lines look the same."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    picture = (
        Image.open(buffer).convert("RGB").quantize(SHADES, dither=Image.Dither.NONE)
    )
    picture.save(path, optimize=True)


def _toy2d(results, key, names, which, columns=6):
    """Small multiples: where each method goes, over the mean of the losses."""
    setting = SETTINGS[key]
    rows = -(-len(names) // columns)
    size = (PANEL * columns + 0.3, PANEL * rows + 0.9)
    figure, axes = style.panels(rows, columns, size, sharex=True, sharey=True)
    problem = toy2d(setting.scale, setting.starts)
    view = ((-10.5, 10.5), (-10.5, 10.5))
    for axis, name in zip(axes.flat, names, strict=False):
        _contours(axis, problem, view)
        _paths(axis, results["toy2d", key, name].x)
        axis.set_title(name, fontsize=9, pad=3)
    for axis in axes.flat[len(names) :]:
        axis.set_visible(False)
    for axis in axes.flat[max(len(names) - columns, 0) : len(names)]:
        axis.tick_params(labelbottom=True)
    _legend(figure, axes[0, 0], setting.starts)
    what = f"2-D toy, {setting.title}" + (f": {which}" if which else "")
    style.head(figure, what)
    return figure


def _contours(axis, problem: Problem, view) -> None:
    grids = [np.linspace(*limits, 161) for limits in view]
    points = np.stack(np.meshgrid(*grids), axis=-1)
    mean = jax.vmap(jax.vmap(lambda x: jnp.mean(problem.losses(x))))(points)
    look = {"colors": "#b9c4d0", "linewidths": 0.6, "linestyles": "solid"}
    axis.contour(*grids, np.asarray(mean), levels=12, zorder=1, **look)
    curve = np.asarray(jax.vmap(problem.front)(jnp.linspace(0.0, 1.0, 201)))
    axis.plot(*curve.T, label="Pareto set", **FRONT)
    axis.set_xlim(*view[0])
    axis.set_ylim(*view[1])
    axis.grid(visible=False)
    axis.tick_params(labelsize=7, length=2)


def _paths(axis, x: np.ndarray) -> None:
    for path, color in zip(x, style.COLORS, strict=False):
        axis.plot(*path.T, color=color, linewidth=1.1, zorder=3)
        axis.plot(*path[0], "o", color=color, ms=3.5, zorder=5)
        axis.plot(*path[-1], "*", color=color, ms=9, mec="white", mew=0.6, zorder=6)


def _legend(figure, axis, starts) -> None:
    marks = {"Pareto set": {"color": FRONT["color"], "linewidth": 2.2}}
    point = {"color": "#555555", "linestyle": ""}
    marks["start"] = {**point, "marker": "o", "markersize": 4}
    marks["end"] = {**point, "marker": "*", "markersize": 9}
    for start, color in zip(starts, style.COLORS, strict=False):
        name = f"from ({start[0]:g}, {start[1]:g})"
        marks[name] = {"color": color, "linewidth": 1.5}
    handles = [axis.plot([], [], label=k, **look)[0] for k, look in marks.items()]
    fits = figure.get_figwidth() > 1.2 * len(handles)
    columns = len(handles) if fits else -(-len(handles) // 2)
    figure.legend(handles=handles, loc="outside lower center", ncols=columns)


def _quadratics(results):
    """Rows of problems, columns of methods."""
    size = (1.3 * len(COMPARED) + 0.4, 1.45 * len(QUADRATICS) + 0.7)
    figure, axes = style.panels(len(QUADRATICS), len(COMPARED), size, sharey="row")
    for row, (key, quadratic) in zip(axes, QUADRATICS.items(), strict=True):
        problem = quadratic.problem()
        view = _view([results["quadratics", key, name].x for name in COMPARED], problem)
        for axis, name in zip(row, COMPARED, strict=True):
            _contours(axis, problem, view)
            _paths(axis, results["quadratics", key, name].x)
            if key == "ewq":
                axis.plot(0, 0, "s", color=FRONT["color"], ms=4, zorder=4)
                axis.set_title(name, fontsize=9)
            axis.xaxis.get_major_locator().set_params(nbins=3)
        row[0].set_ylabel(key.upper(), fontweight="bold")
    _legend(figure, axes[0, 0], ())
    style.head(figure, "Quadratics, the published learning rates and numbers of steps")
    return figure


def _view(paths, problem: Problem):
    """Limits that hold the starts, the front and where most runs go."""
    curve = np.asarray(jax.vmap(problem.front)(jnp.linspace(0.0, 1.0, 65)))
    points = np.concatenate([curve, np.asarray(problem.starts)])
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.12 * (high - low) + 0.1
    return tuple(zip(low - margin, high + margin, strict=True))


def _distances(results):
    """The median distance to the Pareto set over the steps."""
    figure, axes = style.panels(1, len(QUADRATICS), (10.0, 3.9))
    color, shape = style.colors(COMPARED), style.markers(COMPARED)
    for axis, key in zip(axes[0], QUADRATICS, strict=True):
        for i, name in enumerate(COMPARED):
            path = results["quadratics", key, name]
            median = np.maximum(np.median(path.distance, axis=0), 1e-8)
            every = (int(i / len(COMPARED) * len(median) / 5), len(median) // 5)
            look = {"marker": shape[name], "markevery": every, "ms": 5}
            axis.plot(path.steps, median, color=color[name], label=name, **look)
        axis.set_yscale("log")
        axis.set_title(key.upper(), loc="left")
        axis.set_xlabel("step")
    axes[0, 0].set_ylabel("distance to the Pareto set")
    style.legend_below(figure, axes[0, 0], title="")
    style.head(figure, "Quadratics: median over the starts")
    return figure


def _gradnorm(results):
    """The score, and GradNorm's and uncertainty's weights, by step."""
    cases = list(dict.fromkeys(job[1] for job in results if job[0] == "gradnorm"))[::-1]
    figure, axes = style.panels(len(cases), 3, (10.0, 3.0 * len(cases)))
    color = style.colors(GRADNORM_METHODS)
    for row, case in zip(axes, cases, strict=True):
        runs = {name: results["gradnorm", case, name] for name in GRADNORM_METHODS}
        for name, run in runs.items():
            row[0].plot(run["steps"], run["score"], color=color[name], label=name)
        row[0].set_title(f"{case}: sum of L(t) / L(0)", loc="left")
        for axis, name in zip(row[1:], ("gradnorm", "uncertainty"), strict=True):
            _weights(axis, runs[name])
            axis.set_title(f"weights of {name}", loc="left")
        row[0].legend()
    for axis in axes[-1]:
        axis.set_xlabel("step")
    style.head(figure, "GradNorm's toy: test score (less is better) and task weights")
    return figure


def _weights(axis, run) -> None:
    """Log axis; the tasks in the order of their scales, as shades."""
    order = np.argsort(run["scales"])
    for place, task in enumerate(order):
        shade = place / max(len(order) - 1, 1)
        color = (0.1 + 0.75 * shade, 0.25 + 0.35 * shade, 0.65 - 0.45 * shade)
        name = f"σ = {run['scales'][task]:.3g}" if place in (0, len(order) - 1) else ""
        axis.plot(run["steps"][1:], run["weights"][:, task], color=color, label=name)
    axis.set_yscale("log")
    axis.set_ylim(bottom=run["weights"].min() / 8.0)  # room for the legend
    axis.tick_params(which="minor", labelleft=False)
    axis.legend(loc="lower left", ncols=2)
