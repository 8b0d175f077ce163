"""What watches a run: each observer is told of its start, chunks, epochs and end."""

import contextlib
import math
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from mtlx import diagnostics
from mtlx.tasks import Task


class Row(NamedTuple):
    """One measured number, as written to `epochs.csv`."""

    epoch: int
    step: int
    split: str  # "train", "validation", "test"
    task: str  # "all": a number of the step as a whole
    metric: str
    value: float


class Start(NamedTuple):
    """The size of a run, known before its first step."""

    epochs: int
    first_epoch: int  # epochs done before, where a run is resumed
    steps_per_epoch: int
    batch_size: int
    num_parameters: int
    compile_seconds: float


class Observer:
    """Does nothing; a real observer defines the events that it cares for."""

    def on_start(self, start: Start) -> None:
        """Called once, after compilation."""

    def on_chunk(self, epoch_share: float) -> None:
        """Called when a chunk is done; `epoch_share` of its epoch is then done."""

    def on_epoch(self, epoch: int, rows: Sequence[Row]) -> None:
        """Called with the numbers of an epoch (epochs count from 1)."""

    def on_end(self) -> None:
        """Called last, also after an error."""


class Watch:
    """Tells several observers, and keeps the time that training takes."""

    def __init__(self, observers: Sequence[Observer]):
        self.observers = tuple(observers)
        self.train_seconds = 0.0
        self._rows = 0

    @property
    def rows_per_second(self) -> float:
        return self._rows / self.train_seconds if self.train_seconds else math.nan

    @contextlib.contextmanager
    def training(self) -> Iterator[None]:
        """Times one epoch of training steps."""
        self._chunks_done = 0
        begin = time.perf_counter()
        yield
        self.train_seconds += time.perf_counter() - begin
        self._rows += self._start.steps_per_epoch * self._start.batch_size

    def start(self, start: Start, chunks: int = 1) -> None:
        self._start, self._chunks = start, chunks
        self._tell("on_start", start)

    def chunk(self) -> None:
        self._chunks_done += 1
        self._tell("on_chunk", self._chunks_done / self._chunks)

    def epoch(self, epoch: int, rows: Sequence[Row]) -> None:
        self._tell("on_epoch", epoch, rows)

    def end(self) -> None:
        self._tell("on_end")

    def _tell(self, event: str, *args) -> None:
        for observer in self.observers:
            getattr(observer, event)(*args)


def train_rows(
    tasks: tuple[Task, ...], epoch: int, step: int, history: dict[str, np.ndarray]
) -> list[Row]:
    """The means of an epoch.

    Loss and weight of each task over the steps in which it was present; what the Gram
    matrix says (task "all") over the steps in which it says anything; the penalty of a
    model that has one (task "all").
    """
    rows = []
    for name in (*diagnostics.NAMES, "penalty"):
        if name in history:
            values = history[name][~np.isnan(history[name])]
            value = float(values.mean()) if len(values) else math.nan
            rows.append(Row(epoch, step, "train", "all", name, value))
    for column, task in enumerate(tasks):
        present = history["present"][:, column]
        for metric in ("loss", "weight"):
            values = history[metric][present, column]
            value = float(values.mean()) if len(values) else math.nan
            rows.append(Row(epoch, step, "train", task.name, metric, value))
    return rows


def score_rows(
    scores: dict[str, dict[str, float]],
    epoch: int,
    step: int,
    split: str = "validation",
) -> list[Row]:
    """The metrics of an epoch on a split."""
    return [
        Row(epoch, step, split, task, metric, value)
        for task, values in scores.items()
        for metric, value in values.items()
    ]
