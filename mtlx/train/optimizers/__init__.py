"""Optimizers that optax lacks: by task, by embedding row, clipped, with an L2 term."""

from mtlx.train.optimizers.adam_l2 import adam_l2
from mtlx.train.optimizers.adatask import adatask
from mtlx.train.optimizers.clippy import clippy, clippy_adagrad
from mtlx.train.optimizers.lazy_adam import lazy_adam
from mtlx.train.optimizers.per_task import PerTask, TaskWise, bind
from mtlx.train.optimizers.pub import pub
from mtlx.train.optimizers.row_wise import RowWise
from mtlx.train.optimizers.rowwise_adagrad import rowwise_adagrad

__all__ = [
    "PerTask",
    "RowWise",
    "TaskWise",
    "adam_l2",
    "adatask",
    "bind",
    "clippy",
    "clippy_adagrad",
    "lazy_adam",
    "pub",
    "rowwise_adagrad",
]
