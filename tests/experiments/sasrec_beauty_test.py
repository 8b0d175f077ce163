"""SASRec on made-up sequences in the form of S3Rec's, from its configuration."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hydra import compose, initialize_config_dir

import mtlx.compose
from experiments.ecommerce import sasrec_beauty
from experiments.train import CONF
from tests.data.amazon_s3rec_test import contents, made_up_sequences, publish
from tests.results import made_up


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
    assert before.shape == (3, parts.dataset.catalogues["next_item"].num_items)


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
        listed = data.catalogues["next_item"].seen[data.test.groups[row]]
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


@pytest.mark.parametrize(("seeds", "cell"), [(1, "**0.0600** |"), (2, "**0.0650** ± ")])
def test_the_page_has_published_and_own_figures(seeds, cell, tmp_path, monkeypatch):
    values = dict(zip(sasrec_beauty.METRICS, (0.04, 0.03, 0.06, 0.03), strict=True))
    for name, value in values.items():
        monkeypatch.setitem(made_up.BASE, name, value)
    factory = made_up.StudyFactory(tmp_path / "sasrec_beauty")
    tasks = {"next_item": {"kind": "retrieval", "metrics": list(values)}}
    for seed in range(seeds):
        exact = {"next_item": {"hit_rate@10": 0.06 + 0.01 * seed}}
        factory.run("catalogue_softmax", "equal", seed, tasks=tasks, test=exact)
    page = tmp_path / "page.md"
    page.write_text("<!-- tables: begin -->old<!-- tables: end -->")
    assert sasrec_beauty.main([str(factory.path), str(page)]) == 0
    text = page.read_text()
    assert "| 0.0387 | 0.0249 | 0.0605 | 0.0318 |" in text and "old" not in text
    (own,) = [line for line in text.splitlines() if "(mtlx)" in line]
    assert cell in own


def test_a_study_of_other_tasks_is_refused(tmp_path, capsys):
    factory = made_up.StudyFactory(tmp_path / "compare")
    factory.run()
    page = tmp_path / "page.md"
    page.write_text("<!-- tables: begin --><!-- tables: end -->")
    assert sasrec_beauty.main([str(factory.path), str(page)]) == 1
    assert "next_item hit_rate@5" in capsys.readouterr().err
