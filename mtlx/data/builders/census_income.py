"""Census-Income (KDD) as a TFDS builder that needs no TensorFlow."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from mtlx.data.builders.census_income_format import (
    CATEGORICAL,
    NUMERICAL,
    WEIGHT,
)
from mtlx.data.builders.census_income_source import FULL, SAMPLE
from mtlx.data.builders.download import download
from mtlx.data.raw_files import read_verified
from mtlx.data.source import Source

DESCRIPTION = """Rows of the US Census Bureau's Current Population Surveys of 1994 and
1995: 33 categorical and 7 numerical attributes of a person, an instance weight, and
whether the person's yearly income is above 50,000 dollars."""


@dataclasses.dataclass(eq=False)
class CensusIncomeConfig(tfds.core.BuilderConfig):
    """A TFDS configuration is one `Source`."""

    source: Source = FULL


class CensusIncome(tfds.core.GeneratorBasedBuilder):
    """Rows of the US Census Bureau's Current Population Surveys of 1994 and 1995.

    A record holds the 34 categorical columns as one string tensor and the 7 numerical
    ones as one integer tensor, in the order of `census_income_format.CATEGORICAL` and
    `NUMERICAL`: with one TFDS feature a column, writing and reading take five times as
    long. The records keep the order of the raw file.

    Args:
        files: the raw files by name, where they are on this machine; {} to download
            them from `source.url`.
        config: "full", "sample", or a `CensusIncomeConfig` around any other `Source`.
        file_format: array_record, which TFDS writes and reads without TensorFlow.
        **kwargs: for `tfds.core.DatasetBuilder`; `data_dir` is where the records go.

    Reference: UCI Machine Learning Repository, data set 117, CC BY 4.0.
    """

    VERSION = tfds.core.Version(FULL.version)
    BUILDER_CONFIGS = [
        CensusIncomeConfig(name=source.config, source=source)
        for source in (FULL, SAMPLE)
    ]

    # TFDS's registry of archive digests stays empty: the digests of the files are
    # checked in its place. Looking it up would also import importlib_resources, which
    # TFDS 4.9.10 does not declare.
    url_infos = None

    def __init__(
        self,
        *,
        files: Mapping[str, Path] | None = None,
        config: str | CensusIncomeConfig = FULL.config,
        file_format: str = "array_record",
        **kwargs,
    ):
        self.files = dict(files or {})
        super().__init__(config=config, file_format=file_format, **kwargs)

    def _info(self) -> tfds.core.DatasetInfo:
        features = {
            "categorical": tfds.features.Tensor(
                shape=(len(CATEGORICAL),), dtype=np.str_
            ),
            "numerical": tfds.features.Tensor(shape=(len(NUMERICAL),), dtype=np.int32),
            WEIGHT: tfds.features.Scalar(np.float32),
        }
        columns = {"categorical": list(CATEGORICAL), "numerical": list(NUMERICAL)}
        return tfds.core.DatasetInfo(
            builder=self,
            description=DESCRIPTION,
            features=tfds.features.FeaturesDict(features),
            homepage="https://archive.ics.uci.edu/dataset/117/census+income+kdd",
            license="CC BY 4.0",
            metadata=tfds.core.MetadataDict(columns),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        source = self.builder_config.source
        files = self.files or download(source, dl_manager)
        return {
            split: self._generate_examples(source, name, files[name])
            for split, name in source.splits.items()
        }

    def _generate_examples(self, source: Source, name: str, path: Path):
        content = read_verified(source, name, path)
        for row, example in enumerate(source.parse(content, path)):
            example["categorical"] = np.array(example["categorical"], object)
            yield row, example
