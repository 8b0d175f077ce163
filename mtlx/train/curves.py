"""Writes the numbers of every epoch to a CSV file as soon as they are known."""

import csv
from collections.abc import Sequence
from pathlib import Path

from mtlx.train.observers import Observer, Row, Start


class CurveWriter(Observer):
    """Appends to `path`, long form: epoch, step, split, task, metric, value.

    On resuming, rows of epochs that the checkpoint does not cover are dropped first.
    """

    def __init__(self, path: Path):
        self.path = Path(path)

    def on_start(self, start: Start) -> None:
        kept = []
        if start.first_epoch and self.path.exists():
            with self.path.open(newline="") as file:
                kept = [r for r in csv.reader(file) if r[0].isdigit()]
            kept = [r for r in kept if int(r[0]) <= start.first_epoch]
        with self.path.open("w", newline="") as file:
            csv.writer(file).writerows([Row._fields, *kept])

    def on_epoch(self, epoch: int, rows: Sequence[Row]) -> None:
        with self.path.open("a", newline="") as file:
            csv.writer(file).writerows(rows)
