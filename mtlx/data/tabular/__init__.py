"""A user's own tables: reading, splitting and checking them."""

from mtlx.data.tabular.at_random import AtRandom
from mtlx.data.tabular.by_column import ByColumn
from mtlx.data.tabular.by_time import ByTime
from mtlx.data.tabular.by_user import ByUser
from mtlx.data.tabular.folds import Folds
from mtlx.data.tabular.leakage import Leak, LeakageWarning, find_leaks
from mtlx.data.tabular.split import Split

__all__ = [
    "AtRandom",
    "ByColumn",
    "ByTime",
    "ByUser",
    "Folds",
    "Leak",
    "LeakageWarning",
    "Split",
    "find_leaks",
]
