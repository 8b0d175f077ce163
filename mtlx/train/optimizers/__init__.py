"""Optimizers that optax lacks: two that keep the tasks apart, one that clips."""

from mtlx.train.optimizers.adatask import adatask
from mtlx.train.optimizers.clippy import clippy, clippy_adagrad
from mtlx.train.optimizers.per_task import PerTask, TaskWise, bind
from mtlx.train.optimizers.pub import pub

__all__ = ["PerTask", "TaskWise", "adatask", "bind", "clippy", "clippy_adagrad", "pub"]
