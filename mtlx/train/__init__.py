"""Apply: the state, the step, the loop, and what goes with them."""

from mtlx.train.build import build_model
from mtlx.train.checkpoint import Checkpointer
from mtlx.train.loop import Result, fit
from mtlx.train.observers import Observer
from mtlx.train.state import TrainState, init_state
from mtlx.train.step import make_step

__all__ = [
    "Checkpointer",
    "Observer",
    "Result",
    "TrainState",
    "build_model",
    "fit",
    "init_state",
    "make_step",
]
