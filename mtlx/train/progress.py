"""Shows how a run is getting on: a bar on a terminal, lines elsewhere."""

import time
from collections.abc import Sequence

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from mtlx.train.observers import Observer, Row, Start

LINE_SECONDS = 10.0  # without a terminal, at most one line in this time


class ProgressBar(Observer):
    """Epoch, training rate in rows/s (compilation left out) and time left.

    Args:
        title: what runs, e.g. "mmoe pcgrad seed 0".
        console: where to; a terminal gets a moving bar, anything else plain lines.
    """

    def __init__(self, title: str, console: Console | None = None):
        self.title = title
        self.console = console or Console()
        self._bar = None

    def on_start(self, start: Start) -> None:
        self._start, self._epoch = start, start.first_epoch
        self._begin = self._last_line = time.perf_counter()
        if self.console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[state]}"),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                console=self.console,
                transient=True,
            )
            self._bar.start()
            self._job = self._bar.add_task(
                self.title,
                total=start.epochs,
                completed=start.first_epoch,
                state=self._state(""),
            )

    def on_chunk(self, epoch_share: float) -> None:
        if self._bar is not None:
            done = self._epoch + epoch_share
            self._bar.update(self._job, completed=done, state=self._state(done))

    def on_epoch(self, epoch: int, rows: Sequence[Row]) -> None:
        self._epoch = epoch
        now = time.perf_counter()
        if self._bar is not None:
            self._bar.update(self._job, completed=epoch, state=self._state(epoch))
        elif now - self._last_line > LINE_SECONDS:
            self._last_line = now
            rate = (epoch - self._start.first_epoch) / (now - self._begin)
            left = (self._start.epochs - epoch) / rate
            self.console.print(
                f"{self.title}: {self._state(epoch)}, {left:.0f} s left",
                highlight=False,
                soft_wrap=True,
            )

    def on_end(self) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _state(self, done: float | int | str) -> str:
        if done == "":
            return "starting"
        seconds = max(time.perf_counter() - self._begin, 1e-9)
        steps = (done - self._start.first_epoch) * self._start.steps_per_epoch
        rate = steps * self._start.batch_size / seconds
        return f"epoch {int(done)}/{self._start.epochs}, {rate:,.0f} rows/s"
