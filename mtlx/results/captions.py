"""What a reader must know beside a table, in words."""

from mtlx.results.provenance import mixed_rows
from mtlx.results.store import Study
from mtlx.results.summary import BASELINE_MODEL, Over, baseline_runs

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
    sentences = [
        "Test split; mean over runs (seeds) ± half-width of the 95 % t-interval. "
        "↑ higher is better, ↓ lower is better. n/a: not defined (an interval needs "
        "two runs); n=: fewer runs than the row has gave a value.",
        f"Bold: best mean of the column; {tied}: not significantly different from it "
        "(Welch's t-test, p > .05, not corrected for the number of comparisons; made "
        "where both have two runs or more).",
        *_describe_deltas(study, data, over),
        "Train s: seconds of training, compilation apart.",
    ]
    mixed = mixed_rows(study, data)
    if mixed:
        rows = "; ".join(f"{model} {rule} ({what})" for model, rule, what in mixed)
        sentences.append(f"Caution: runs of one row differ in more than seed: {rows}.")
    return sentences


def _describe_deltas(study: Study, data: str, over: Over) -> list[str]:
    runs = baseline_runs(study, data)
    if not runs:
        return [
            f"Δm and Δp are n/a: no finished {BASELINE_MODEL} run on {data} to compare "
            f"with; add model={BASELINE_MODEL} to the sweep."
        ]
    costs = study.costs.set_index("run").loc[runs]
    balancers = ", ".join(costs["balancer"].unique())
    counts = {len(m) for m in study.tasks[data].values()}
    same = over == "headline" or len(counts) == 1
    opposite = " With as many metrics in every task, Δp = −Δm." if same else ""
    return [
        f"Δm and Δp: relative change in per cent over {SPAN[over]} against the mean of "
        f"the {len(runs)} {BASELINE_MODEL} ({balancers}) runs, taken as exact. Δm, the "
        "mean drop over metrics (Nash-MTL, FAMO): lower is better. Δp, the mean gain "
        f"over metrics, then tasks (LibMTL): higher is better.{opposite}"
    ]
