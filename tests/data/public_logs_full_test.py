"""The readers of large logs on published samples, put into their published forms."""

import gzip
import shutil

import numpy as np
import pytest

from mtlx import data
from mtlx.data import tabular
from mtlx.data.builders.aliccp_format import COMMON, OWN
from mtlx.data.feed import num_rows

pytestmark = pytest.mark.full_data


@pytest.fixture(scope="module")
def samples(full_data_dir):
    return full_data_dir / "tiny_samples"


def test_aliexpress(samples, tmp_path):
    folder = tmp_path / "AliExpress_NL"
    folder.mkdir()
    for part in ("train", "test"):
        name = f"aliexpress_tiny_{part}.csv.gz"
        shutil.copy(samples / name, folder / f"{part}.csv.gz")
    found = data.aliexpress(validation=0.5, data_dir=tmp_path)
    rows = num_rows(found.train) + num_rows(found.validation)
    assert (rows, num_rows(found.test)) == (1000, 1000)
    fitted = (found.train, found.validation)
    for task, early, late in (("click", 29, 43), ("conversion", 10, 10)):
        assert sum(batch.labels[task].sum() for batch in fitted) == early
        assert found.test.labels[task].sum() == late
    assert len(found.schema.names) == 16 and found.schema.numericals == 63


def test_byterec(samples, tmp_path):
    name = "byterec_sample.txt.gz"
    shutil.copy(samples / name, tmp_path / "final_track2_train.txt.gz")
    split = tabular.AtRandom(0.3, 0.3, stratify="like")
    found = data.byterec(split=split, min_count=1, data_dir=tmp_path)
    batches = (found.train, found.validation, found.test)
    assert sum(map(num_rows, batches)) == 1000
    finish, like = (sum(b.labels[t].sum() for b in batches) for t in ("finish", "like"))
    assert (finish, like) == (367, 12)


def test_jdsearch(samples, tmp_path):
    for name, sample in (
        ("user_behavior_data.txt.gz", "jdsearch_user_behavior_data_sample.txt.gz"),
        ("product_meta_data.txt.gz", "jdsearch_product_meta_data_sample.txt.gz"),
    ):
        shutil.copy(samples / sample, tmp_path / name)
    found = data.jdsearch(
        tasks=("click",),
        min_count=1,
        blocks=False,
        split=tabular.ByUser("search", 0.34, 0.34, method="random"),
        data_dir=tmp_path,
    )
    batches = (found.train, found.validation, found.test)
    assert sum(map(num_rows, batches)) == 262
    assert sum(batch.labels["click"].sum() for batch in batches) == 5
    assert [len(set(b.groups)) for b in batches[1:]] == [1, 1]
    assert found.train.features["history"].shape[1:] == (20, 1)


def test_aliccp(samples, tmp_path):
    """The sample is one line a row, field:id; here it is parted as it is published."""
    text = gzip.decompress((samples / "aliccp_paddlerec_small.txt.gz").read_bytes())
    lines = [line.split(",") for line in text.decode().splitlines()]
    for part in ("train", "test"):
        skeleton, common = [], []
        for number, click, buy, *cells in lines:
            pairs = [cell.split(":") for cell in cells]
            own = [p for p in pairs if p[0] in (*OWN, "210")]
            shared = [p for p in pairs if p[0] not in (*OWN, "210")]
            key = f"{int(number):016x}"
            begin = (number, click, buy, key, str(len(own)), _features(own))
            skeleton.append(",".join(begin))
            common.append(",".join((key, str(len(shared)), _features(shared))))
        for name, rows in (("sample_skeleton", skeleton), ("common_features", common)):
            (tmp_path / f"{name}_{part}.csv").write_text("\n".join(rows) + "\n")
    options = {"tasks": ("click",), "min_count": 1, "blocks": False}
    found = data.aliccp(validation=0.4, seed=0, data_dir=tmp_path, **options)
    assert num_rows(found.train) == 6 and num_rows(found.test) == len(lines) == 10
    clicks = [int(line[1]) for line in lines]
    np.testing.assert_array_equal(found.test.labels["click"], clicks)
    assert found.schema.names == tuple(f"field_{n}" for n in (*COMMON, *OWN))
    ids = found.train.features["categorical"]
    sizes = np.array(found.schema.cardinalities)
    assert (ids.max(axis=0) <= sizes - 1).all()
    there = [any(c.startswith("853:") for c in line) for line in lines]
    place = found.schema.names.index("field_853")
    known = found.test.features["categorical"][:, place] > 0
    assert known.any() and not known[~np.array(there)].any()


def _features(pairs):
    return "\x01".join(f"{field}\x02{value}\x031.0" for field, value in pairs)
