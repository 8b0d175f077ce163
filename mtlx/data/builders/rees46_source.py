"""Sessions of REES46's shop of many categories, 1 and 2 October 2019."""

from mtlx.data.builders.rees46_format import parse_rees46
from mtlx.data.source import Source

# The halves that NVIDIA Merlin's example has for validation and test, of either day.
PARTS = ("day1_valid", "day1_test", "day2_valid", "day2_test")

PUBLISHED = Source(
    name="rees46_sessions",
    config="full",
    version="1.0.0",
    raw_name="rees46_sessions",
    splits={part: f"{part}.tsv" for part in PARTS},
    sha256={
        "day1_valid.tsv": (
            "f4436f4fc25b1a9dd21e1e60bc6d606f9954575786bdca2e93b91373176dace2"
        ),
        "day1_test.tsv": (
            "5cfc71cef2ee402744003383c68d5f5815dfa75d95fb63db55d52c94bf54d717"
        ),
        "day2_valid.tsv": (
            "ecefa52e945e888f869a4892c6b161d0ea7d6b4aed4a00c72f980830d4347bc8"
        ),
        "day2_test.tsv": (
            "831e2aa46a7731f9e9e42941a2304cd5c37d38e4a52ac57cc6a9d39f49763f82"
        ),
    },
    parse=parse_rees46,
)
