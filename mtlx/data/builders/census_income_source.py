"""The two editions of Census-Income (KDD): the published files, and the sample."""

from pathlib import Path

from mtlx.data.builders.census_income_format import parse_census_income
from mtlx.data.source import Source

URL = "https://archive.ics.uci.edu/static/public/117/census+income+kdd.zip"
TRAIN, TEST = "census-income.data", "census-income.test"

FULL = Source(
    name="census_income",
    config="full",
    version="1.0.0",
    raw_name="census_income_kdd",
    splits={"train": TRAIN, "test": TEST},
    sha256={
        TRAIN: "3676a81db7d3528f3f8b9f3c699d0f0aa28db45e6e994fa0b8ed38327539ee86",
        TEST: "98402b1ab879573d0a7f38a699a40258080e25e33d3401e7bf9c96d3fa0fab8c",
    },
    parse=parse_census_income,
    url=URL,
)

# Printed by make_census_sample.py, which makes the files from those of FULL.
SAMPLE = FULL._replace(
    config="sample",
    sha256={
        TRAIN: "29e0c244d3588142e07801996ca21058a800f5978a6ae180303a665b61833c6a",
        TEST: "a0cf8dcd2f9f5de642e578ce4383113bb700cacbaf271b2f8cb1cfc5a7e76ca5",
    },
    url=None,
    folder=Path(__file__).parents[1] / "samples" / "census_income",
)
