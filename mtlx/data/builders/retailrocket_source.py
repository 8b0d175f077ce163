"""Retailrocket's log of an online shop, as filtered for multi-behaviour studies."""

from mtlx.data.builders.multibehavior_format import multibehavior_parser
from mtlx.data.source import Source

BEHAVIORS = ("view", "cart", "buy")
LOG = "train.tsv"

# The stored purchases that published studies hold out (test.tsv) have no time, and are
# not read.
PUBLISHED = Source(
    name="retailrocket_multibehavior",
    config="full",
    version="1.0.0",
    raw_name="retailrocket_multibehavior",
    splits={"log": LOG},
    sha256={LOG: "f36f0871360a6cb645562abf5c9f74de4ccc8f87bee7ddfc6118b2c619afd0b2"},
    parse=multibehavior_parser(BEHAVIORS),
)
