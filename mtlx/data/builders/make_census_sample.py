"""Makes the Census-Income sample that ships with mtlx from the published files.

    python -m mtlx.data.builders.make_census_sample --data-dir DIR --out DIR

Rows are drawn uniformly without replacement, `TRAIN_ROWS` from the training file and
`TEST_ROWS` from the test file, not stratified; they keep their order and every byte.
The digests that it prints belong in `census_income_source.SAMPLE`.
"""

import argparse
import gzip
import hashlib
from pathlib import Path

import numpy as np

from mtlx.data.builders.census_income_source import FULL, TEST, TRAIN
from mtlx.data.errors import DataError
from mtlx.data.raw_files import find_files, read_verified

SEED = 0
TRAIN_ROWS, TEST_ROWS = 10_000, 5_000


def make_census_sample(data_dir: Path, out: Path) -> dict[str, str]:
    """Writes the two files of the sample to `out`.

    Args:
        data_dir: folder that holds the published files.
        out: folder to write census-income.data.gz and census-income.test.gz to.

    Returns:
        The sha256 of each file's uncompressed content, by file name.

    Raises:
        DataError: `data_dir` lacks the published files or holds others.
    """
    files = find_files(FULL, data_dir)
    if not files:
        raise DataError(
            f"{data_dir}: expected {sorted(FULL.sha256)}, found neither. Download them "
            f"from {FULL.url}."
        )
    rng = np.random.default_rng(SEED)
    out.mkdir(parents=True, exist_ok=True)
    digests = {}
    for name, rows in ((TRAIN, TRAIN_ROWS), (TEST, TEST_ROWS)):
        content = read_verified(FULL, name, files[name])
        lines = content.splitlines(keepends=True)
        chosen = np.sort(rng.choice(len(lines), rows, replace=False))
        sample = b"".join(lines[row] for row in chosen)
        # mtime=0 keeps the time of making out of the gzip header.
        (out / f"{name}.gz").write_bytes(gzip.compress(sample, mtime=0))
        digests[name] = hashlib.sha256(sample).hexdigest()
    return digests


def main() -> None:
    """Command line of `make_census_sample`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    for name, digest in make_census_sample(arguments.data_dir, arguments.out).items():
        print(f"{digest}  {name}")


if __name__ == "__main__":
    main()
