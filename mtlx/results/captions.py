"""What a reader must know beside a table, in words."""

from mtlx.results.store import Study
from mtlx.results.summary import (
    BASELINE_BALANCER,
    BASELINE_MODEL,
    Over,
    baseline_runs,
)

SPAN = {"headline": "the headline metric of each task", "all": "all metrics"}


def describe_table(study: Study, data: str, over: Over, tied: str) -> list[str]:
    """The sentences below a table.

    Args:
        study: the runs.
        data: name of the data set.
        over: what the columns and both deltas span, see `summarise`.
        tied: how the rendering marks an entry that is not told from the best, e.g.
            "underlined".
    """
    return [
        "Test split; mean over runs (seeds) ± half-width of the 95 % t-interval. "
        "↑ higher is better, ↓ lower is better. n/a: not defined (an interval needs "
        "two runs); n=: fewer runs than the row has gave a value.",
        f"Bold: best mean of the column; {tied}: not significantly different from it "
        "(Welch's t-test, p > .05, not corrected for the number of comparisons; made "
        "where both have two runs or more).",
        *_describe_deltas(study, data, over),
        "Train s: seconds of training, compilation apart.",
    ]


def _describe_deltas(study: Study, data: str, over: Over) -> list[str]:
    baseline = _describe_baseline(study, data)
    if not baseline:
        return [
            f"Δm and Δp are n/a: no finished {BASELINE_MODEL} run on {data} to compare "
            f"with; add model={BASELINE_MODEL} to the sweep."
        ]
    counts = {len(metrics) for metrics in study.tasks[data].values()}
    same = over == "headline" or len(counts) == 1
    opposite = " With as many metrics in every task, Δp = −Δm." if same else ""
    return [
        f"Δm and Δp: relative change in per cent over {SPAN[over]} against the mean of "
        f"{baseline}, taken as exact. Δm, the mean drop over metrics (Nash-MTL, FAMO): "
        "lower is better. Δp, the mean gain over metrics, then tasks (LibMTL): higher "
        f"is better.{opposite}"
    ]


def _describe_baseline(study: Study, data: str) -> str:
    """Which runs the deltas are against; "" where there is none."""
    costs = study.costs[study.costs["data"] == data]
    if BASELINE_MODEL not in set(costs["model"]):
        return ""
    if costs["settings"].any():
        return (
            f"the {BASELINE_MODEL} runs of the same settings (where there is none, of "
            f"all {BASELINE_MODEL} runs), {BASELINE_BALANCER} weights if there are any"
        )
    runs = costs[costs["run"].isin(baseline_runs(study, data, ""))]
    rules = ", ".join(runs["balancer"].unique())
    return f"the {len(runs)} {BASELINE_MODEL} ({rules}) runs"
