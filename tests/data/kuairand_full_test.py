"""The real files: facts about them, and the same rows in the form of the archive."""

import jax
import numpy as np
import pytest

import mtlx.data
from mtlx.data.builders.kuairand_source import FIRST, SECOND, USERS, VIDEOS, WHOLE
from mtlx.data.raw_files import read_file

pytestmark = pytest.mark.full_data
# Of all 228,329 rows, from the card of the data set in per cent.
RATES = {
    "click": 44.2,
    "long_view": 31.1,
    "like": 1.71,
    "profile_enter": 1.85,
    "comment": 0.25,
    "follow": 0.13,
    "hate": 0.08,
    "forward": 0.09,
}


@pytest.fixture(scope="module")
def folder(full_data_dir):
    return full_data_dir / "kuairand_pure_sample"


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def test_published_facts(folder, cache):
    options = {"data_dir": folder, "cache_dir": cache}
    data = mtlx.data.kuairand(tasks=tuple(RATES), **options)
    splits = (data.train, data.validation, data.test)
    sizes = [len(split.labels["click"]) for split in splits]
    assert sizes == [71_292, 20_513, 130_639]
    for task, rate in RATES.items():
        found = np.concatenate([split.labels[task] for split in splits])
        # The card counts repeated rows, 2.6 % of all.
        np.testing.assert_allclose(100 * found.mean(), rate, rtol=0.03, atol=0.006)
    sizes = zip(data.schema.names, data.schema.cardinalities, strict=True)
    ids = {name: size - 1 for name, size in sizes}
    assert (ids["user_id"], ids["video_id"]) == (19_122, 5_309)


def test_the_archives_log_gives_the_same_rows(folder, cache, tmp_path):
    """In another order, among rows of other days, with the sample's digest of rows."""
    raw = tmp_path / "KuaiRand-Pure" / "data"
    raw.mkdir(parents=True)
    header, *first = read_file(folder / f"{FIRST}.gz").splitlines(keepends=True)
    _, *second = read_file(folder / f"{SECOND}.gz").splitlines(keepends=True)
    before = first[0].replace(b",20220425,", b",20220424,")
    content = b"".join([header, before, *reversed(first + second)])
    (raw / WHOLE).write_bytes(content)
    for name in (USERS, VIDEOS):
        (raw / f"{name}.gz").write_bytes((folder / f"{name}.gz").read_bytes())
    options = {"history": 5, "data_dir": folder, "cache_dir": cache}
    sample = mtlx.data.kuairand(**options)
    options |= {"data_dir": tmp_path, "cache_dir": tmp_path / "b"}
    archive = mtlx.data.kuairand(**options)
    same = jax.tree.map(np.array_equal, sample[3:6], archive[3:6])
    assert jax.tree.all(same)
    assert sample[:3] == archive[:3]
