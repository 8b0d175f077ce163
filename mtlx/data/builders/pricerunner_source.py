"""The file of the PriceRunner offers."""

from mtlx.data.builders.pricerunner_format import parse_pricerunner
from mtlx.data.source import Source

FILE = "pricerunner_aggregate.csv"

PUBLISHED = Source(
    name="pricerunner_products",
    config="full",
    version="1.0.0",
    raw_name="pricerunner_products",
    splits={"offers": FILE},
    sha256={FILE: "9cb0af3b6c80f644da05dee170ba383f258ba9e85e3ae362676bccdaae75522b"},
    parse=parse_pricerunner,
)
