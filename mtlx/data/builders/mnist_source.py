"""The files of MNIST and of Fashion-MNIST, which has MNIST's format and names."""

from mtlx.data.idx import parse_idx
from mtlx.data.source import Source

STEMS = {"train": "train", "test": "t10k"}
PARTS = ("images-idx3-ubyte", "labels-idx1-ubyte")
FILES = tuple(f"{stem}-{part}" for stem in STEMS.values() for part in PARTS)


def _source(name: str, address: str, *sha256: str) -> Source:
    return Source(
        name=name,
        config="full",
        version="1.0.0",
        raw_name=name,
        splits=STEMS,
        sha256=dict(zip(FILES, sha256, strict=True)),
        parse=parse_idx,
        urls={file: f"{address}/{file}.gz" for file in FILES},
    )


SOURCES = {
    "mnist": _source(
        "mnist",
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    "fashion_mnist": _source(
        "fashion_mnist",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
}
