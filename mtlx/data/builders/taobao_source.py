"""Nine days of Taobao, as filtered for multi-behaviour studies."""

from mtlx.data.builders.multibehavior_format import multibehavior_parser
from mtlx.data.source import Source

BEHAVIORS = ("fav", "cart", "buy")
LOG = "train.tsv"

# Not read: test.tsv, purchases without a time, and pv_of_bought.tsv, the page views of
# pairs that were bought. Whoever has one bought: as a feature it is the label.
PUBLISHED = Source(
    name="taobao_multibehavior",
    config="full",
    version="1.0.0",
    raw_name="taobao_multibehavior",
    splits={"log": LOG},
    sha256={LOG: "83b6148d428a30d18ffb3401f182568c926e6f4db4155ee3c9909101008a0e69"},
    parse=multibehavior_parser(BEHAVIORS),
)
