"""What a function that a table calls may return beside plain scores."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mtlx.train.observers import Row

Scores = dict[str, dict[str, float]]


class Outcome(NamedTuple):
    """Scores at the end, and what was measured on the way."""

    test: Scores
    history: Sequence[Row] = ()


def write_history(path: Path, rows: Sequence[Row]) -> None:
    """As the `epochs.csv` of a training run."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([Row._fields, *rows])
