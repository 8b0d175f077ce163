"""The catalogues and groups of joined data sets."""

import numpy as np
import pytest

from mtlx.data import joint
from tests.retrieval.joint_rows import all_data, films
from tests.retrieval.rows import make_dataset


def test_groups_are_numbered_apart_and_know_what_they_have_seen():
    data, own = all_data(), films()
    total = len(own.test.labels["buy"])
    groups, before = data.test.groups[:total], own.test.groups
    same = before[:, None] == before[None]
    np.testing.assert_array_equal(groups[:, None] == groups[None], same)
    assert not set(groups) & set(data.test.groups[total:])
    seen = data.catalogues["films_buy"].seen
    np.testing.assert_array_equal(seen[groups], own.catalogues["buy"].seen[before])
    assert (seen[data.test.groups[total:]] == -1).all()


def test_a_catalogues_rows_are_of_its_data_set_alone():
    data, own = all_data(), films().catalogues["buy"]
    features = data.catalogues["films_buy"].features
    for name, column in own.features.items():
        np.testing.assert_array_equal(features[f"films/{name}"], column)
        assert not features[f"shop/{name}"].any()
    assert (features["source"] == 0).all()
    assert (data.catalogues["shop_buy"].features["source"] == 1).all()
    assert set(features) == set(data.test.features)


def test_one_data_set_by_itself_keeps_its_names():
    alone = all_data(only=("shop",))
    assert [task.name for task in alone.tasks] == ["shop_rating", "shop_buy"]
    assert set(alone.catalogues) == {"shop_buy"}
    assert [part.name for part in alone.schema.parts] == ["shop"]
    with pytest.raises(ValueError, match=r"some of \['shop'\], found \['shoe'\]"):
        joint({"shop": make_dataset()}, only=("shoe",))
