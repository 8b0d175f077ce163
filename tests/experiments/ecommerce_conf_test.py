"""The experiments of joint against alone, on made-up data in the sets' own forms."""

import functools
import hashlib
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hydra import compose, initialize_config_dir

import mtlx.compose
from experiments.train import CONF
from mtlx.data.builders import esci_source, pricerunner_source
from mtlx.data.builders.esci_format import PAIRS
from mtlx.data.builders.pricerunner_format import OFFERS
from tests.conf_test import step_shapes
from tests.data import multibehavior_test
from tests.data.esci_test import pair
from tests.data.movielens_files import publish_100k
from tests.data.pricerunner_test import offer
from tests.data.tiny_source import as_text, publish

FILMS = "experiment=ecommerce/movielens"


@pytest.fixture
def build(tmp_path, monkeypatch):
    monkeypatch.setenv("MTLX_CACHE_DIR", str(tmp_path / "cache"))

    def from_folder(folder, *overrides):
        monkeypatch.setenv("MTLX_DATA_DIR", str(folder))
        with initialize_config_dir(CONF, version_base="1.3"):
            return mtlx.compose.build(compose("train", overrides=list(overrides)))

    return from_folder


def reads_item(parts, task):
    """Whether another item in the same row changes the output of a task."""
    rows = dict(parts.dataset.test.features)
    rows = jax.tree.map(lambda x: jnp.asarray(x[:5]), rows)
    schema = parts.dataset.schema
    columns = [schema.names.index(n) for n in schema.item if n in schema.names]
    ids = rows["categorical"]
    other = jnp.where(ids[:, columns] == 1, 2, 1)
    others = rows | {"categorical": ids.at[:, jnp.array(columns)].set(other)}
    others |= {n: 1 - jnp.abs(rows[n]) for n in schema.item if n not in schema.names}
    variables = parts.model.init(jax.random.key(0), rows)
    a, b = (parts.model.apply(variables, x)[task] for x in (rows, others))
    if a.ndim == 3:  # the query's half of a pair of vectors
        a, b = a[:, 0], b[:, 0]
    return not np.array_equal(a, b)


def test_films(build, tmp_path, monkeypatch):
    folder = publish_100k(tmp_path / "raw", monkeypatch)
    parts = build(folder, FILMS)
    assert step_shapes(parts)["loss"].shape == (3,)
    assert "user_id" not in parts.dataset.schema.names
    asked = {task.name: reads_item(parts, task.name) for task in parts.dataset.tasks}
    assert asked == {"rating": True, "next_item": False, "interests": False}
    alone = build(folder, FILMS, "model.read=[next_item,interests]")
    assert alone.model.untrained() == ("next_item", "interests")
    shown = ["data=movielens_100k", "data.show_item=true", "model=mmoe"]
    with pytest.raises(
        ValueError, match=r"\['interests'\], found MMoE.*show_item=false"
    ):
        build(folder, *shown)


def publish_shop(tmp_path, monkeypatch):
    module = sys.modules["mtlx.data.retailrocket_multibehavior"]
    rows = multibehavior_test.made_up_log(module.BEHAVIORS)
    content = multibehavior_test.write(tmp_path / "raw", rows)
    digest = hashlib.sha256(content).hexdigest()
    source = module.PUBLISHED._replace(sha256={"train.tsv": digest}, config="tiny")
    monkeypatch.setattr(module, "SHOP", module.SHOP._replace(source=source))


def test_a_shop(build, tmp_path, monkeypatch):
    publish_shop(tmp_path, monkeypatch)
    parts = build(tmp_path / "raw", "experiment=ecommerce/retailrocket")
    assert step_shapes(parts)["loss"].shape == (3,)
    asked = {task.name: reads_item(parts, task.name) for task in parts.dataset.tasks}
    assert asked == {"cart": True, "buy": True, "next_item": False}


def publish_offers(tmp_path, monkeypatch):
    rows = [offer(n, vendor_id=str(n % 7)) for n in range(60)]
    files = {pricerunner_source.FILE: as_text(OFFERS, rows)}
    publish(monkeypatch, tmp_path / "raw", "pricerunner_products", files)


@pytest.mark.parametrize("encoder", ["mean", "lstm", "bilstm", "transformer"])
def test_products(build, tmp_path, monkeypatch, encoder):
    publish_offers(tmp_path, monkeypatch)
    options = [f"encoder/text={encoder}", "model.query_widths=[64]"]
    options = [] if encoder == "mean" else options
    parts = build(tmp_path / "raw", "experiment=ecommerce/products", *options)
    assert step_shapes(parts)["loss"].shape == (2,)
    asked = {task.name: reads_item(parts, task.name) for task in parts.dataset.tasks}
    assert asked == {"category": False, "product": False}


def publish_queries(tmp_path, monkeypatch):
    files = {esci_source.FILE: as_text(PAIRS, [pair(n) for n in range(120)])}
    publish(monkeypatch, tmp_path / "raw", "esci_query_brand", files)


@pytest.mark.parametrize("model", ["shared_bottom", "mmoe", "single_task"])
def test_search(build, tmp_path, monkeypatch, model):
    publish_offers(tmp_path, monkeypatch)
    publish_queries(tmp_path, monkeypatch)
    experiment = "experiment=ecommerce/search"
    parts = build(tmp_path / "raw", experiment, f"model={model}")
    assert [task.name for task in parts.dataset.tasks] == [
        "offers_category",
        "offers_vendor",
        "queries_exact",
        "queries_gain",
    ]
    assert parts.dataset.train.splits[1].groups is not None  # lists of a query


EVERYTHING = {
    "films": ("rating", "next_item", "interests"),
    "shop": ("cart", "buy", "next_item"),
    "offers": ("category", "product"),
    "queries": ("exact", "gain"),
}


def test_everything(build, tmp_path, monkeypatch):
    """Ten tasks of four data sets in one model; each data set by itself."""
    publish_shop(tmp_path, monkeypatch)
    publish_offers(tmp_path, monkeypatch)
    publish_queries(tmp_path, monkeypatch)
    folder = publish_100k(tmp_path / "raw", monkeypatch)
    experiment = "experiment=ecommerce/everything"
    parts = build(folder, experiment)
    names = [f"{part}_{task}" for part in EVERYTHING for task in EVERYTHING[part]]
    assert [task.name for task in parts.dataset.tasks] == names
    found = {"films_next_item", "shop_next_item", "offers_product"}
    assert set(parts.dataset.catalogues) == found
    small = ["data.batch_sizes={films: 8, shop: 8, offers: 8, queries: 8}"]
    parts = build(folder, experiment, *small, "trainer=smoke", "trainer.batch_size=32")
    fit = functools.partial(parts.fit, parts.model, parts.dataset)
    result = fit(parts.balancer, parts.optimizer, epochs=1)
    assert set(result.test) == set(names)
    assert all(0 <= result.test[task]["hit_rate@10"] <= 1 for task in found)
    for part, tasks in EVERYTHING.items():
        alone = build(folder, experiment, *small, f"data.only=[{part}]")
        assert [t.name for t in alone.dataset.tasks] == [f"{part}_{t}" for t in tasks]
        assert alone.dataset.train.batch_sizes == (8,)
