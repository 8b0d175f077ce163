"""Data sets that are logs of what users did: an event a row, histories before it."""

from mtlx.data.events.choice import choose_inputs, choose_tasks
from mtlx.data.events.dataset import event_dataset
from mtlx.data.events.log import EventLog
from mtlx.data.events.split import split_by_time, split_by_user
from mtlx.data.events.task import EventTask

__all__ = [
    "EventLog",
    "EventTask",
    "choose_inputs",
    "choose_tasks",
    "event_dataset",
    "split_by_time",
    "split_by_user",
]
