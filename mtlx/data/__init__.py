"""Data sets: raw files or random processes -> `Dataset`."""

from mtlx.data.array_record_blocks import ArrayRecordBlocks, write_array_record
from mtlx.data.blocks import Blocks, BlockSource
from mtlx.data.census_income import census_income
from mtlx.data.dataset import Dataset, Schema, Stream
from mtlx.data.errors import DataError
from mtlx.data.kuairand import kuairand
from mtlx.data.labels import build_labels
from mtlx.data.layout import Layout
from mtlx.data.parquet_blocks import ParquetBlocks
from mtlx.data.synthetic_mmoe import synthetic_mmoe

__all__ = [
    "ArrayRecordBlocks",
    "BlockSource",
    "Blocks",
    "DataError",
    "Dataset",
    "Layout",
    "ParquetBlocks",
    "Schema",
    "Stream",
    "build_labels",
    "census_income",
    "kuairand",
    "synthetic_mmoe",
    "write_array_record",
]
