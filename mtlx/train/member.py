"""One run among many of a population: what the host knows of it."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from mtlx.train.checkpoint import Checkpointer
from mtlx.train.observers import Observer, Start, Watch, score_rows, train_rows
from mtlx.train.selection import Scores, Selection
from mtlx.train.state import TrainState


@dataclasses.dataclass
class Member:
    """Its best epoch, its observers, and whether it is done.

    The arrays stay with the population until the member is done; `state` then is what
    its own last epoch left.
    """

    selection: Selection  # without its variables
    observers: Sequence[Observer] = ()
    checkpointer: Checkpointer | None = None
    epoch: int = 0
    diverged: bool = False
    state: TrainState | None = None

    def __post_init__(self):
        self._watch = Watch(self.observers)

    @property
    def done(self) -> bool:
        """Whether it takes no part in further epochs."""
        return self.state is not None

    def start(self, start: Start) -> None:
        self._watch.start(start)

    def end(self) -> None:
        self._watch.end()
        if self.checkpointer is not None:
            self.checkpointer.close()

    def take(
        self,
        epoch: int,
        step: int,
        history: dict[str, np.ndarray],
        scores: Scores,
        found: Scores,
    ) -> bool:
        """Takes in an epoch, and says whether it is the best so far.

        Args:
            epoch, step: how far it is.
            history: the metrics of the epoch's steps.
            scores: on the validation split.
            found: what its gates and experts do there (`inspect_scores`).
        """
        self.epoch = epoch
        rows = train_rows(self.selection.tasks, epoch, step, history)
        self.diverged = not np.isfinite(history["loss"]).all()
        if self.diverged:
            self._watch.epoch(epoch, rows)
            return False
        self.selection = self.selection.update(epoch, scores, None)
        rows += score_rows(scores, epoch, step) + score_rows(found, epoch, step)
        self._watch.epoch(epoch, rows)
        return self.selection.epoch == epoch
