"""The files of S3Rec's Amazon sets, a source a domain."""

from mtlx.data.builders.amazon_s3rec_format import parse_amazon_s3rec
from mtlx.data.source import Source


def _source(domain: str, stem: str, sequences: str, attributes: str) -> Source:
    files = {"sequences": f"{stem}.txt", "attributes": f"{stem}_item2attributes.json"}
    return Source(
        name="amazon_s3rec",
        config=domain,
        version="1.0.0",
        raw_name="amazon_s3rec",
        splits=files,
        sha256=dict(zip(files.values(), (sequences, attributes), strict=True)),
        parse=parse_amazon_s3rec,
    )


SOURCES = {
    "beauty": _source(
        "beauty",
        "Beauty",
        "226cce9c3105299ca0db9615d7d3fb32b3175e90da43100ae352599f0f0107b8",
        "129e40f67486f6877eff0f5318cfa8530ee8ac23d8b0d1de04e1bb7a2ba0b2d4",
    ),
    "sports": _source(
        "sports",
        "Sports_and_Outdoors",
        "2a095e0648872beb9982408958290f5d655db5be2911c3756b5446de9f0b8de2",
        "7fb10733ac4f1811384a52144cdefa7fcc7536fa80a7232c5da9bd789155c34b",
    ),
}
