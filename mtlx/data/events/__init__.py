"""Data sets that are logs of what users did: an event a row, histories before it."""

from mtlx.data.events.choose_inputs import choose_inputs
from mtlx.data.events.dataset import event_dataset
from mtlx.data.events.log import EventLog
from mtlx.data.events.split import split_by_time, split_by_user
from mtlx.data.events.task import EventTask

__all__ = [
    "EventLog",
    "EventTask",
    "choose_inputs",
    "event_dataset",
    "split_by_time",
    "split_by_user",
]
