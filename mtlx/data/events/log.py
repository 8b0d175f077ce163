"""What users did, an event a row."""

from typing import NamedTuple

import numpy as np

from mtlx.data.categorical import Columns


class EventLog(NamedTuple):
    """The events of a data set, and what each of them is used for.

    The masks need not part the events: one that is in no split is seen in histories
    alone, and what fits vocabularies is `train`.
    """

    columns: Columns  # [N] each; labels of a multilabel task [N, K]
    user: np.ndarray  # [N] whole numbers: whose events are one sequence
    time: np.ndarray  # [N] whole numbers
    past: np.ndarray  # [N] bool, the events that go down in histories
    train: np.ndarray  # [N] bool
    validation: np.ndarray  # [N] bool
    test: np.ndarray  # [N] bool
