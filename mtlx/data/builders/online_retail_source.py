"""The file of the Online Retail transactions."""

from mtlx.data.builders.online_retail_format import parse_online_retail
from mtlx.data.source import Source

FILE = "online_retail.csv"

PUBLISHED = Source(
    name="online_retail",
    config="full",
    version="1.0.0",
    raw_name="online_retail",
    splits={"sales": FILE},
    sha256={FILE: "12d7b65ec6aa0d4782e0ff13a7778cfd44418fa081b288e6288e5a45b6a8ffe5"},
    parse=parse_online_retail,
)
