"""Where PCBA's files come from: the validation and test part of MMoEEx's division."""

from mtlx.data.builders.pcba_format import parse_pcba
from mtlx.data.source import Source

PARTS = ("val", "test")
URL = (
    "https://raw.githubusercontent.com/BorealisAI/MMoEEx-MTL/"
    "fba352cd0161cb42b3e79dc50904893cdac3fafb/mtl_datasets/pcba_dataset/{}.gz"
)
SHA256 = {
    "pcba_val_features.csv": (
        "a38cf033c34f3041bed108e4910b1d73c0b0205555eb9a296165d1a26fb1cc05"
    ),
    "pcba_val_y.csv": (
        "2e8b8200f8e36a345aa0e7a29e0eb0f5c4f02d1b6fb49b3ccf7aa9fa7b57423c"
    ),
    "pcba_val_w.csv": (
        "3ebacf10b1d7d662fb10cd222096d1b8a13021bfb167525dec72021fdeee15da"
    ),
    "pcba_test_features.csv": (
        "5bb184f1e0125c9faacfcf8bfee28e71691d7fe2968fee70cfeec0f0ce6af62e"
    ),
    "pcba_test_y.csv": (
        "9dc736da66f1a40f3778c7a8704477f2be009025e550c97a320e35f5843973bd"
    ),
    "pcba_test_w.csv": (
        "15ba08cdb7046afeef207b004b33eb1371b54162fa17d8cd0b7d850e276558d6"
    ),
}

PUBLISHED = Source(
    name="pcba",
    config="mmoeex_val_test",
    version="1.0.0",
    raw_name="pcba",
    splits={name: name for name in SHA256},
    sha256=SHA256,
    parse=parse_pcba,
    urls={name: URL.format(name) for name in SHA256},
)
