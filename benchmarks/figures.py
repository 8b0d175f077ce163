"""Pictures of the ratios: how many times a peer's rate, beside floor and aim."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.floors import Verdict
from mtlx.results import style

ROW_HEIGHT = 0.26  # inch


def draw_ratios(verdicts: Sequence[Verdict], path: Path) -> Path:
    """A dot a demand with the spread of its rounds; the floor a bar, the aim a ring."""
    known = [verdict for verdict in verdicts if verdict.ratio is not None]
    with style.look():
        size = (8.0, 1.1 + ROW_HEIGHT * len(known))
        figure, axes = style.panels(1, 1, size)
        axis = axes[0, 0]
        for row, verdict in enumerate(known):
            _row(axis, row, verdict)
        axis.set_yticks(range(len(known)), [_label(verdict) for verdict in known])
        axis.invert_yaxis()
        axis.set_xscale("log", base=2)
        axis.xaxis.set_major_formatter("{x:g}")
        axis.axvline(1.0, **style.REFERENCE)
        axis.set_xlabel("mtlx over the peer (|: floor, o: aim)")
        figure.savefig(path)
    return path


def _row(axis, row: int, verdict: Verdict) -> None:
    ratio = verdict.ratio
    color = style.COLORS[0 if verdict.met else 1]
    axis.plot([ratio["lowest"], ratio["highest"]], [row, row], color=color)
    axis.plot(ratio["median"], row, "o", color=color, markersize=5)
    axis.plot(verdict.line.floor, row, "|", color="#111111", markersize=11)
    axis.plot(verdict.line.aim, row, "o", color="#111111", mfc="none", markersize=7)


def _label(verdict: Verdict) -> str:
    line = verdict.line
    warm = " warm" if line.key != "ratio" else ""
    return f"{line.benchmark.upper()} {line.group}{warm} / {verdict.member}"
