"""SASRec on made-up sequences in the form of S3Rec's, from its configuration."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hydra import compose, initialize_config_dir

import mtlx.compose
from experiments.train import CONF
from tests.data.amazon_s3rec_test import contents, made_up_sequences, publish


@pytest.fixture
def parts(tmp_path, monkeypatch):
    monkeypatch.setenv("MTLX_DATA_DIR", str(publish(tmp_path, monkeypatch, contents())))
    monkeypatch.setenv("MTLX_CACHE_DIR", str(tmp_path / "cache"))
    with initialize_config_dir(CONF, version_base="1.3"):
        small = ["encoder.embedding_dim=8", "data.dataset.history=6"]
        cfg = compose("train", overrides=["experiment=ecommerce/sasrec_beauty", *small])
    return mtlx.compose.build(cfg)


def test_histories_alone_are_read_and_share_the_items_vectors(parts):
    rows = dict(parts.dataset.test.features)
    rows = jax.tree.map(lambda x: jnp.asarray(x[:3]), rows)
    variables = parts.model.init(jax.random.key(0), rows)
    assert set(variables["params"]["encoder"]) == {"embedding", "history"}
    assert "embedding" not in variables["params"]["encoder"]["history"]
    before = parts.model.apply(variables, rows)["next_item"]
    others = rows | {"categorical": rows["categorical"] * 0 + 1}
    np.testing.assert_array_equal(
        parts.model.apply(variables, others)["next_item"], before
    )
    assert before.shape == (3, parts.dataset.catalogue.num_items)


def test_lists_leave_out_what_the_user_has_in_training(parts):
    data = parts.dataset
    names = data.schema.names
    item, user = (
        data.train.features["categorical"][:, names.index(n)]
        for n in ("item_id", "user_id")
    )
    lengths = [len(items) - 3 for items in made_up_sequences()]
    assert len(item) == sum(lengths)  # each training item but a user's first
    ids = data.test.features["categorical"][:, names.index("user_id")]
    for row in range(len(ids)):
        listed = data.catalogue.seen[data.test.groups[row]]
        np.testing.assert_array_equal(
            listed[listed >= 0], np.unique(item[user == ids[row]])
        )


def test_a_run_is_scored_in_full_and_a_new_item_is_a_miss(parts):
    result = parts.fit(
        parts.model,
        parts.dataset,
        parts.balancer,
        parts.optimizer,
        epochs=1,
        batch_size=16,
    )
    scores = result.test["next_item"]
    cold = np.mean(parts.dataset.test.labels["next_item"] == 0)
    assert 0 < cold < 1
    assert 0 <= scores["ndcg@10"] <= scores["hit_rate@10"] <= 1 - cold
