"""Data sets: raw files or random processes -> `Dataset`."""

from mtlx.data.census_income import census_income
from mtlx.data.dataset import Dataset, Schema, Stream
from mtlx.data.errors import DataError
from mtlx.data.labels import build_labels
from mtlx.data.synthetic_mmoe import synthetic_mmoe

__all__ = [
    "DataError",
    "Dataset",
    "Schema",
    "Stream",
    "build_labels",
    "census_income",
    "synthetic_mmoe",
]
