"""The file of the judged pairs of query and brand."""

from mtlx.data.builders.esci_format import parse_esci
from mtlx.data.source import Source

FILE = "query_brand_label.tsv"

# The brands' counts of judgements, brand_stats.tsv beside it, are not read: they count
# the labels of all queries, those of the test split included.
PUBLISHED = Source(
    name="esci_query_brand",
    config="full",
    version="1.0.0",
    raw_name="esci_query_brand",
    splits={"pairs": FILE},
    sha256={FILE: "219bd2cf0668aa22d19de132bbba99261710caf60a8c6c4c617e993d29225639"},
    parse=parse_esci,
)
