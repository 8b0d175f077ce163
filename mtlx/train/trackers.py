"""Experiment trackers: where the curves of a run go besides its own folder."""

from collections.abc import Sequence
from pathlib import Path

from mtlx.train.observers import Observer, Row


def none(folder: Path) -> Observer:
    """No tracker."""
    del folder
    return Observer()


class TensorBoard(Observer):
    """Event files that `tensorboard --logdir` reads, one tag a split, task and metric.

    Args:
        folder: the run's folder; the events go to its subfolder "tensorboard".
    """

    def __init__(self, folder: Path):
        from tensorboardX import SummaryWriter

        self.writer = SummaryWriter(str(Path(folder) / "tensorboard"))

    def on_epoch(self, epoch: int, rows: Sequence[Row]) -> None:
        for row in rows:
            tag = f"{row.split}/{row.task}/{row.metric}"
            self.writer.add_scalar(tag, row.value, global_step=row.step)
        self.writer.flush()

    def on_end(self) -> None:
        self.writer.close()
