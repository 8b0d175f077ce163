"""Preparing Census-Income: raw files -> TFDS records -> columns."""

import contextlib
import io
from collections.abc import Iterator, Mapping
from pathlib import Path

import tensorflow_datasets as tfds

from mtlx.data.builders.census_income import CensusIncome, CensusIncomeConfig
from mtlx.data.builders.census_income_format import CATEGORICAL, NUMERICAL
from mtlx.data.builders.census_income_source import FULL, SAMPLE
from mtlx.data.categorical import Columns
from mtlx.data.records import read_columns
from mtlx.data.source import Source


def prepare_census_income(
    source: Source, files: Mapping[str, Path], cache: Path
) -> dict[str, Columns]:
    """Writes the records of `source` to `cache` and reads them back as columns.

    Args:
        source: one of the two editions, or another source of the same format.
        files: the raw files by name; {} to download them.
        cache: the root folder of all prepared data.

    Raises:
        DataError: a raw file is missing, damaged, or not the published one.
    """
    builder = _builder(source, files, cache)
    try:
        with _quiet() if source == SAMPLE else contextlib.nullcontext():
            builder.download_and_prepare()
    except OSError:
        # Another run of a sweep may have prepared the same records meanwhile, in which
        # case the rename at the end of ours finds the folder taken.
        if not (source.prepared(cache) / "dataset_info.json").is_file():
            raise
        builder = _builder(source, files, cache)
    return {
        split: read_columns(builder.as_data_source(split), CATEGORICAL, NUMERICAL)
        for split in source.splits
    }


def _builder(source: Source, files: Mapping[str, Path], cache: Path) -> CensusIncome:
    config = source.config
    if source not in (FULL, SAMPLE):
        config = CensusIncomeConfig(name=source.config, source=source)
    return CensusIncome(files=files, config=config, data_dir=cache)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without TFDS's bars and messages: the sample is prepared in two seconds."""
    tfds.display_progress_bar(enable=False)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        tfds.display_progress_bar(enable=True)
