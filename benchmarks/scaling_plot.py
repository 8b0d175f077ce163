"""Draws what `benchmarks.scaling` measured, and what to expect of a cluster.

    python -m benchmarks.scaling_plot

The expectation is for workload W1 at a fixed number of rows a device: 40 categorical
features x 100 values, embedding 8, MMoE of 8 experts 320-128-64, 2048 rows.
"""

import json

from benchmarks.rounds import RESULTS
from benchmarks.volume import LINKS, Sizes, efficiency, volume
from mtlx.results import style

DOCS = RESULTS.parents[1] / "docs" / "results" / "parallel"
DEVICES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
ROWS = 2048
EXPERTS = 8 * (320 * 128 + 128 * 64)  # weights, and multiply-adds a row
SHARED = EXPERTS + 40 * 100 * 8  # and the table
OWN = 2 * (320 * 8 + 64 * 32 + 32)  # gates and towers
FLOPS = 20e12  # achieved a second, a third of an H100's float32 peak
CALLS = 4  # losses, counts, shared and own gradients, each in one bucket
CURVES = {  # balancer: (tasks, needs)
    "equal, T = 2": (2, frozenset()),
    "Gram, T = 2": (2, frozenset({"gram"})),
    "Gram, T = 8": (8, frozenset({"gram"})),
    "cross Gram, T = 2": (2, frozenset({"cross_gram"})),
}


def compute_seconds(num_tasks: int, needs: frozenset[str]) -> float:
    """2 flops a multiply-add forward and 4 for each cotangent that is pulled back."""
    if "cross_gram" in needs:  # thirds of the rows: two pull T cotangents back, one 1
        passes = 2 + (2 * 4 * num_tasks + 4) / 3
    else:
        passes = 2 + 4 * (num_tasks if needs else 1)
    return passes * EXPERTS * ROWS / FLOPS


def expected() -> dict[str, dict[str, list[float]]]:
    """{link: {curve: efficiency at each of DEVICES}}."""
    return {
        link.name: {
            name: [
                efficiency(
                    compute_seconds(tasks, needs),
                    volume(Sizes(SHARED, OWN), tasks, needs),
                    CALLS,
                    devices,
                    link,
                )
                for devices in DEVICES
            ]
            for name, (tasks, needs) in CURVES.items()
        }
        for link in LINKS
    }


def main() -> None:
    """Prints the expectation and draws docs/results/parallel/scaling.png."""
    timed = json.loads((RESULTS / "scaling.json").read_text())["timed"]
    with style.look():
        figure, axes = style.panels(1, 1 + len(LINKS), (11.0, 3.6))
        _measured(axes[0, 0], timed)
        for place, (link, curves) in zip(axes[0, 1:], expected().items(), strict=True):
            _expected(place, link, curves)
        style.head(
            figure, "Many devices: measured on one machine, expected of clusters"
        )
        DOCS.mkdir(parents=True, exist_ok=True)
        figure.savefig(DOCS / "scaling.png")


def _measured(place, timed: list[dict]) -> None:
    strategies = [s for s in dict.fromkeys(row["strategy"] for row in timed) if s]
    colors, markers = style.colors(strategies), style.markers(strategies)
    for strategy in strategies:
        rows = [
            row
            for row in timed
            if row["balancer"] == "pcgrad" and row["strategy"] in (None, strategy)
        ]
        place.plot(
            [row["devices"] for row in rows],
            [1e3 * row["seconds"]["median"] for row in rows],
            color=colors[strategy],
            marker=markers[strategy],
            label=strategy,
        )
    _devices(place, (1, 2, 4, 8), "simulated devices on the same 2 cores")
    place.set(ylabel="ms a step", ylim=(0, None), title="measured: PCGrad, T = 2")
    place.legend()


def _expected(place, link: str, curves: dict[str, list[float]]) -> None:
    colors, markers = style.colors(curves), style.markers(curves)
    print(link)
    for name, values in curves.items():
        print(f"  {name:18}", *(f"{value:5.2f}" for value in values))
        place.plot(
            DEVICES, values, color=colors[name], marker=markers[name], label=name
        )
    _devices(place, (1, 8, 64, 256), "devices, 2048 rows on each")
    place.set(ylabel="efficiency", ylim=(0, 1.02), title=f"expected: {link}")
    place.title.set_fontsize(8)
    place.legend()


def _devices(place, ticks: tuple[int, ...], label: str) -> None:
    place.set_xscale("log", base=2)
    place.set_xticks(ticks, map(str, ticks))
    place.set_xlabel(label)


if __name__ == "__main__":
    main()
