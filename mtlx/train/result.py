"""What a finished run leaves behind."""

import math
from typing import NamedTuple

import jax

from mtlx.train.selection import Scores, Selection
from mtlx.train.state import TrainState
from mtlx.types import PyTree


class Result(NamedTuple):
    """What a finished run leaves behind.

    Of a run in a population of N the seconds are the N-th part of the population's.
    """

    state: TrainState  # after the last epoch
    variables: PyTree  # of the selected epoch, for model.apply
    validation: Scores  # task -> metric -> value, at the selected epoch
    test: Scores
    best_epoch: int  # counted from 1; 0: the first epoch diverged, scores are NaN
    epochs: int  # epochs run, those before a resume included
    diverged: bool  # a loss became NaN or infinite; training stopped there
    num_parameters: int
    compile_seconds: float
    train_seconds: float  # training steps alone: no compilation, no evaluation
    rows_per_second: float
    members: int = 1  # runs in the program that this one was part of

    @classmethod
    def of(cls, selection: Selection, test: Scores, **rest) -> "Result":
        """The scores are NaN where no epoch was selected."""
        unscored = jax.tree.map(lambda _: math.nan, test)
        return cls(
            validation=selection.scores or unscored,
            test=test if selection.epoch else unscored,
            best_epoch=selection.epoch,
            **rest,
        )
