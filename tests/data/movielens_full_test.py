"""The real files of both editions: facts about them, and no row sees its future."""

import numpy as np
import pytest

from mtlx.data import movielens_100k, movielens_latest_small

pytestmark = pytest.mark.full_data
SPLITS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def folders(full_data_dir, tmp_path_factory):
    return {"data_dir": full_data_dir, "cache_dir": tmp_path_factory.mktemp("cache")}


def sizes(data, task):
    return [int(getattr(data, split).where[task].sum()) for split in SPLITS]


def test_published_facts_of_100k(folders):
    tasks = ("rating", "next_item", "interests")
    data = movielens_100k(tasks=tasks, show_item=True, history=5, **folders)
    assert sizes(data, "rating") == [79_999, 10_001, 10_000]
    ratings = np.concatenate([getattr(data, s).labels["rating"] for s in SPLITS])
    # The published distribution of stars, in per cent.
    shares = 100 * np.bincount(ratings.astype(int))[1:] / len(ratings)
    np.testing.assert_allclose(shares, [6.11, 11.37, 27.145, 34.174, 21.201])
    users = data.schema.names.index("user_id")
    new = data.test.features["categorical"][:, users] == 0
    assert new.mean() == pytest.approx(0.8582)
    assert data.tasks[2].num_classes == 18


def test_the_random_split_has_the_tutorials_sizes(folders):
    data = movielens_100k(tasks="rating", split="random", history=0, **folders)
    assert sizes(data, "rating") == [80_000, 8_000, 20_000]
    sizes_of = dict(zip(data.schema.names, data.schema.cardinalities, strict=True))
    assert sizes_of["user_id"] == 944
    assert 1_640 < sizes_of["item_id"] <= 1_683


def test_a_past_is_older_than_its_row(folders):
    """The last rating of a history is found in the file, before the row's own."""
    data = movielens_100k(tasks="rating", history=3, **folders)
    batch = data.train
    names, ids = data.schema.names, batch.features["categorical"]
    user, item = (ids[:, names.index(name)] for name in ("user_id", "item_id"))
    place = {pair: row for row, pair in enumerate(zip(user, item, strict=True))}
    assert len(place) == len(user)  # a user rates a film once
    seen = batch.features["history"][..., 0]
    for row in range(0, len(user), 97):
        for film in seen[row][seen[row] > 0]:
            assert place[user[row], film] < row  # rows are in the order of time


def test_published_facts_of_latest_small(folders):
    tasks = ("rating", "interests")
    data = movielens_latest_small(tasks=tasks, history=0, **folders)
    assert sum(sizes(data, "rating")) == 100_836
    assert data.tasks[1].num_classes == 19
    ratings = np.concatenate(
        [
            getattr(data, s).labels["rating"][getattr(data, s).where["rating"]]
            for s in SPLITS
        ]
    )
    assert ratings.mean() == pytest.approx(3.501557, abs=1e-5)
    # 34 films have no genres.
    assert 0 < sum(sizes(data, "rating")) - sum(sizes(data, "interests")) < 100
