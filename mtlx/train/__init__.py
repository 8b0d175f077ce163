"""Apply: the state, the step, the loop, and what goes with them."""

from mtlx.train.build import build_model
from mtlx.train.checkpoint import Checkpointer
from mtlx.train.lanes import Recipe
from mtlx.train.loop import fit
from mtlx.train.observers import Observer
from mtlx.train.population import fit_population
from mtlx.train.result import Result
from mtlx.train.state import TrainState, init_state
from mtlx.train.step import make_step

__all__ = [
    "Checkpointer",
    "Observer",
    "Recipe",
    "Result",
    "TrainState",
    "build_model",
    "fit",
    "fit_population",
    "init_state",
    "make_step",
]
