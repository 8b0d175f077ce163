"""Attributions of a run's inputs as a picture."""

import json
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from mtlx.results import style
from mtlx.results.plots import Picture

FOLDER, PICTURE, FACTS = "explanation", "attributions.png", "explanation.json"
MOST = 12  # inputs shown; the table has them all


@runtime_checkable
class Attributed(Protocol):
    """T tasks, N rows, C inputs, as `mtlx.serving.attribution` has them."""

    tasks: tuple[str, ...]
    inputs: tuple[str, ...]
    values: np.ndarray  # [T, N, C]


def draw_attributions(found: Attributed, path: Path) -> None:
    """A bar for each input: mean |attribution| over the rows, a panel a task.

    Dark is the share of what pushed the output up, light of what pushed it down.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    up = np.maximum(found.values, 0).mean(axis=1)
    down = np.maximum(-found.values, 0).mean(axis=1)
    shown = min(MOST, len(found.inputs))
    with style.look():
        size = (4.2 * len(found.tasks), 0.8 + 0.26 * shown)
        figure, axes = style.panels(1, len(found.tasks), size)
        for number, (task, axis) in enumerate(zip(found.tasks, axes[0], strict=True)):
            order = np.argsort(up[number] + down[number])[-shown:]
            names = [found.inputs[place] for place in order]
            left = up[number, order]
            axis.barh(names, left, color=style.COLORS[0], label="up")
            below = {"left": left, "color": style.COLORS[0], "alpha": 0.35}
            axis.barh(names, down[number, order], label="down", **below)
            axis.set_title(task)
            axis.set_xlabel("mean |attribution|")
        style.legend_below(figure, axes[0, 0], "pushes the output")
        figure.savefig(path)


def find_explanation(run: Path) -> Picture | None:
    """The picture in the folder of a run, if its rows were explained.

    Raises:
        ValueError: the facts beside it are damaged.
    """
    path = run / FOLDER / PICTURE
    if not path.is_file():
        return None
    facts = _facts(run / FOLDER / FACTS)
    caption = (
        f"Integrated gradients of {facts['rows']} rows of {facts['input']}, on the "
        f"scale of logits or values: mean |attribution| of each input. They add up to "
        f"the output less that of the baseline to within {facts['largest_gap']:.2g}."
    )
    return Picture(path, caption)


def _facts(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_text())
        return {key: facts[key] for key in ("rows", "input", "largest_gap")}
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(
            f"{path}: expected the facts of an explanation, found {error!r}. Make it "
            f"again: python -m experiments.predict run=... explain=true."
        ) from error
