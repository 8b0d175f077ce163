"""The real logs of several behaviours: facts about them."""

import numpy as np
import pytest

from mtlx.data import retailrocket_multibehavior, taobao_multibehavior

pytestmark = pytest.mark.full_data
SPLITS = ("train", "validation", "test")


def counts(data, task):
    return [int(getattr(data, split).where[task].sum()) for split in SPLITS]


def rates(data, task):
    batches = [getattr(data, split) for split in SPLITS]
    return [float(b.labels[task][b.where[task]].mean()) for b in batches]


def test_retailrocket(full_data_dir, tmp_path):
    data = retailrocket_multibehavior(
        tasks=("cart", "buy", "cart_buy", "buy_given_cart", "next_item"),
        data_dir=full_data_dir,
        cache_dir=tmp_path,
    )
    # 75,374 pairs are viewed, 90 of them in a later split than they are bought.
    for task in ("cart", "buy", "cart_buy"):
        assert counts(data, task) == [60_532, 7_190, 7_562]
    assert counts(data, "buy_given_cart") == [8_626, 1_114, 1_003]
    assert counts(data, "next_item") == [76_107, 6_196, 6_056]
    expected = {
        "cart": [0.1425, 0.1549, 0.1326],
        "buy": [0.1101, 0.1218, 0.1008],
        "cart_buy": [0.1037, 0.1149, 0.0930],
        "buy_given_cart": [0.7277, 0.7415, 0.7009],
    }
    for task, rate in expected.items():
        np.testing.assert_allclose(rates(data, task), rate, atol=5e-5)
    item = data.train.features["categorical"][:, data.schema.names.index("item_id")]
    seen = data.train.features["history"][..., 0]
    assert not ((seen == item[:, None]) & (item[:, None] > 0)).any()


def test_taobao(full_data_dir, tmp_path):
    data = taobao_multibehavior(
        tasks=("buy", "buy_given_cart", "next_item", "next_behavior"),
        data_dir=full_data_dir,
        cache_dir=tmp_path,
    )
    assert counts(data, "buy") == [148_252, 18_692, 18_654]
    assert counts(data, "next_item") == [251_252, 34_736, 34_625]
    np.testing.assert_allclose(rates(data, "buy"), [0.1825, 0.0751, 0.0615], atol=5e-5)
    foretold = data.train.where["next_behavior"]
    behaviors = np.bincount(data.train.labels["next_behavior"][foretold])
    assert behaviors.sum() == 251_252
    assert behaviors[2] == 116_765
