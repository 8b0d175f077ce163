"""The published files: facts about them, and the sample made from them."""

import gzip
import hashlib

import numpy as np
import pytest

import mtlx.data
from mtlx.data.builders.census_income_source import SAMPLE
from mtlx.data.builders.make_census_sample import make_census_sample

pytestmark = pytest.mark.full_data


def test_published_facts(full_data_dir, pytestconfig):
    # In pytest's own cache, so that only the first run on a machine prepares the data.
    cache = pytestconfig.cache.mkdir("mtlx-data")
    data = mtlx.data.census_income(data_dir=full_data_dir, cache_dir=cache)
    splits = (data.train, data.validation, data.test)
    assert [len(s.labels["income"]) for s in splits] == [199_523, 49_881, 49_881]
    labels = {
        task.name: np.concatenate([split.labels[task.name] for split in splits])
        for task in data.tasks
    }
    rates = [values.mean(dtype=np.float64) for values in labels.values()]
    np.testing.assert_allclose(rates, [0.0620, 0.4331, 0.1959], atol=5e-5)
    correlations = np.corrcoef(list(labels.values()))
    # The MMoE paper, section 6.1, from 10,000 random rows: .1768 and .2373.
    np.testing.assert_allclose(correlations[0, 1], -0.1783, atol=5e-5)
    np.testing.assert_allclose(correlations[2, 1], -0.2392, atol=5e-5)


def test_the_sample_is_made_from_the_published_files(full_data_dir, tmp_path):
    made = make_census_sample(full_data_dir, tmp_path / "made")
    again = make_census_sample(full_data_dir, tmp_path / "again")
    assert made == again == dict(SAMPLE.sha256)
    for name in made:
        shipped = SAMPLE.folder / f"{name}.gz"
        first, second = (tmp_path / run / f"{name}.gz" for run in ("made", "again"))
        assert first.read_bytes() == second.read_bytes() == shipped.read_bytes()
        digest = hashlib.sha256(gzip.decompress(shipped.read_bytes())).hexdigest()
        assert digest == made[name]
