"""SASRec on Beauty: python -m experiments.ecommerce.sasrec_beauty runs/STUDY PAGE.md.

Writes the table of a study of experiment=ecommerce/sasrec_beauty, beside published
figures over the whole catalogue, between two marks of a page written by hand.
"""

import sys
from pathlib import Path

from experiments.study_page import (
    describe_study,
    fill_page,
    page_command,
)
from mtlx.results.markdown import markdown_table
from mtlx.results.statistics import mean_interval
from mtlx.results.store import Study

TASK = "next_item"
METRICS = ("hit_rate@5", "ndcg@5", "hit_rate@10", "ndcg@10")
# Sources: see the page.
PUBLISHED = {
    "SASRec, one negative (S3-Rec's authors)": (0.0387, 0.0249, 0.0605, 0.0318),
    "S3-Rec, pre-trained (its authors)": (0.0387, 0.0244, 0.0647, 0.0327),
    "SASRec, softmax (a user of DuoRec)": (0.0555, 0.0326, 0.0830, 0.0415),
    "SASRec, softmax (a user of LETTER)": (0.0543, 0.0315, 0.0821, 0.0405),
}


def write_page(study: Study, page: Path) -> None:
    """Replaces what stands between the marks.

    Raises:
        FileNotFoundError: no such page.
        ValueError: a page without the marks, or a study without the metrics.
    """
    fill_page(page, [table(study), f"{describe_study(study)}."])


def table(study: Study) -> str:
    """A row for each published figure, and ours below.

    Raises:
        ValueError: no test values of one of the metrics.
    """
    tests = study.runs[(study.runs["split"] == "test") & (study.runs["task"] == TASK)]
    cells = []
    for metric in METRICS:
        values = tests[tests["metric"] == metric]["value"]
        if values.empty:
            raise ValueError(
                f"Expected test values of {TASK} {metric} in {study.path}, found none. "
                f"Run experiment=ecommerce/sasrec_beauty."
            )
        interval = mean_interval(values)
        alone = len(values) == 1
        spread = "" if alone else f" ± {interval.half_width:.4f}"
        cells.append(f"**{interval.mean:.4f}**{spread}")
    rows = [
        *([name, *(f"{x:.4f}" for x in found)] for name, found in PUBLISHED.items()),
        ["SASRec, softmax (mtlx)", *cells],
    ]
    return markdown_table(["", "HR@5", "NDCG@5", "HR@10", "NDCG@10"], rows)


main = page_command(
    "ecommerce.sasrec_beauty",
    "Write SASRec's figures on Amazon Beauty into a page.",
    "runs/sasrec_beauty docs/results/sasrec_beauty.md",
    write_page,
)


if __name__ == "__main__":
    sys.exit(main())
