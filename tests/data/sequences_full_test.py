"""The real files of REES46 and of S3Rec's Amazon: facts about them."""

import numpy as np
import pytest

from mtlx.data import amazon_s3rec, rees46_sessions

pytestmark = pytest.mark.full_data
SPLITS = ("train", "validation", "test")


def counts(data, task):
    return [int(getattr(data, split).where[task].sum()) for split in SPLITS]


def test_rees46(full_data_dir, tmp_path):
    data = rees46_sessions(
        tasks=("next_item", "next_category", "next_brand", "next_price"),
        evaluate="all",
        data_dir=full_data_dir,
        cache_dir=tmp_path,
    )
    # 241,969 events less the first of each of 42,906 sessions, and one that shares its
    # second with the first.
    assert counts(data, "next_price") == [101_500, 48_456, 49_106]
    assert counts(data, "next_item") == [101_500, 41_833, 42_308]
    classes = [task.num_classes for task in data.tasks]
    assert classes == [33_480, 124, 1_825, None]


@pytest.mark.parametrize(
    ("domain", "users", "events", "items", "cold"),
    [
        ("beauty", 22_363, 198_502, 12_068, 138),
        ("sports", 35_598, 296_337, 18_284, 317),
    ],
)
def test_amazon(full_data_dir, tmp_path, domain, users, events, items, cold):
    data = amazon_s3rec(domain, data_dir=full_data_dir, cache_dir=tmp_path)
    assert counts(data, "next_item") == [events - 3 * users, users, users]
    assert data.tasks[0].num_classes == items + 1
    assert (data.test.labels["next_item"] == 0).sum() == cold
    np.testing.assert_array_equal(data.test.groups, np.arange(users))
    assert all(data.test.labels["next_attributes"].any(axis=0))
