"""The e-mail campaign: the chain of its labels, sample spaces, and its file."""

import functools
import http.server
import importlib
import threading
from pathlib import Path

import jax
import numpy as np
import pytest
from hydra import compose, initialize_config_dir

import mtlx.compose
from experiments.train import CONF
from mtlx.data import DataError, hillstrom_email
from mtlx.data.builders.hillstrom_format import (
    ARMS,
    CUSTOMERS,
    SEGMENTS,
    parse_hillstrom,
)
from mtlx.data.builders.hillstrom_source import FILE
from tests.data.tiny_source import as_text, publish

ALL = ("visit", "conversion", "spend", "conversion_rate", "visitor_spend")


def customer(number, **fields):
    """Every second visits, every fourth buys, for its own number of dollars."""
    row = {
        "recency": str(1 + number % 12),
        "history_segment": SEGMENTS[number % 5],
        "history": f"{30 + number}.5",
        "mens": str(number % 2),
        "womens": str(1 - number % 2),
        "zip_code": ("Rural", "Surburban", "Urban")[number % 3],
        "newbie": "0",
        "channel": "Web",
        "segment": ARMS[number % 3],
        "visit": str(int(number % 2 == 0)),
        "conversion": str(int(number % 4 == 0)),
        "spend": str(number + 1 if number % 4 == 0 else 0),
    }
    return row | fields


@pytest.fixture
def content():
    return as_text(CUSTOMERS, [customer(number) for number in range(100)])


@pytest.fixture
def customers(tmp_path, monkeypatch, content):
    folder = publish(monkeypatch, tmp_path / "raw", "hillstrom_email", {FILE: content})
    return functools.partial(hillstrom_email, data_dir=folder, cache_dir=tmp_path)


def test_labels_are_a_chain_and_spaces_those_of_the_visitors(customers):
    data = customers(tasks=ALL)
    splits = (data.train, data.validation, data.test)
    assert [len(split.labels["visit"]) for split in splits] == [60, 20, 20]
    spends = np.concatenate([split.labels["spend"] for split in splits])
    assert sorted(spends[spends > 0]) == [number + 1 for number in range(0, 100, 4)]
    for split in splits:
        visit, conversion, spend = (split.labels[task] for task in ALL[:3])
        np.testing.assert_array_equal(conversion, spend > 0)
        assert (conversion <= visit).all()
        for task, of in (("conversion_rate", conversion), ("visitor_spend", spend)):
            np.testing.assert_array_equal(split.where[task], visit == 1)
            np.testing.assert_array_equal(split.labels[task], of)
        for task in ALL[:3]:
            assert split.where[task].all()


def test_inputs_are_the_customers_and_the_arm(customers):
    data = customers()
    names = data.schema.names
    assert data.schema.domain == names[0] == "segment"
    assert not {"visit", "conversion", "spend"} & set(names)
    assert data.schema.cardinalities[0] == 4 and data.schema.numericals == 2
    # An amount names its customer: the arm of each is that of the file.
    arm = data.train.features["categorical"][:, 0]
    spend = data.train.labels["spend"]
    numbers = spend[spend > 0].astype(int) - 1
    np.testing.assert_array_equal(arm[spend > 0], numbers % 3 + 1)


def test_the_option_composes_and_a_step_trains_the_spend(customers, tmp_path):
    options = ["data=hillstrom_email", "trainer=smoke", "model=shared_bottom"]
    options += [f"data.data_dir={customers.keywords['data_dir']}"]
    with initialize_config_dir(CONF, version_base="1.3"):
        parts = mtlx.compose.build(compose("train", overrides=options))
    features = jax.tree.map(lambda x: x[:2], dict(parts.dataset.test.features))
    outputs = jax.eval_shape(parts.model.init_with_output, jax.random.key(0), features)[
        0
    ]
    assert {task: y.shape for task, y in outputs.items()} == {
        "visit": (2,),
        "conversion": (2,),
        "spend": (2, 3),
    }
    result = parts.fit(
        parts.model,
        parts.dataset,
        parts.balancer,
        parts.optimizer,
        **{"epochs": 1, "batch_size": 30},
    )
    assert np.isfinite(result.test["spend"]["ziln_rmse"])
    assert -1 <= result.test["spend"]["ziln_gini"] <= 1


@pytest.mark.parametrize("tasks", [["sale"], [], ["visit", "visit"]])
def test_unknown_repeated_or_no_tasks_are_refused(tasks):
    with pytest.raises(ValueError, match="expected tasks to be .*Mend data.tasks"):
        hillstrom_email(tasks=tasks)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"segment": "E-Mail"},
            r"column 9 \(segment\): expected one of Mens .*'E-Mail'",
        ),
        ({"spend": "free"}, r"column 12 \(spend\): expected a number, found 'free'"),
        ({"visit": "0"}, r"column 11 \(conversion\): expected 0 without a visit"),
        ({"spend": "0"}, r"column 12 \(spend\): expected more than 0 with .*found 0.0"),
        ({"conversion": "0"}, r"column 12 \(spend\): .* 0 without, found 5.0"),
        ({"spend": "-5"}, r"column 12 \(spend\): .* found -5.0"),
    ],
)
def test_a_damaged_customer_is_named(fields, message):
    content = as_text(CUSTOMERS, [customer(0), customer(4, **fields)])
    with pytest.raises(DataError, match=f"{FILE}, line 3, {message}"):
        list(parse_hillstrom(content, Path(FILE)))


def test_the_file_is_downloaded_once_and_verified(
    customers, content, tmp_path, monkeypatch
):
    served = tmp_path / "www"
    served.mkdir()
    (served / "campaign.csv").write_bytes(content)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=served)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    module = importlib.import_module("mtlx.data.hillstrom_email")
    url = f"http://127.0.0.1:{server.server_port}/campaign.csv"
    source = module.PUBLISHED._replace(urls={FILE: url})
    monkeypatch.setattr(module, "PUBLISHED", source)
    caches = [tmp_path / "first", tmp_path / "other"]
    try:
        found = hillstrom_email(cache_dir=caches[0])
        (served / "campaign.csv").write_bytes(content.replace(b"Web", b"Phone"))
        with pytest.raises(DataError, match="not the published one: expected sha256"):
            hillstrom_email(cache_dir=caches[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    for data in (found, hillstrom_email(cache_dir=caches[0])):
        here = customers()
        assert jax.tree.all(jax.tree.map(np.array_equal, data[3:6], here[3:6]))


@pytest.mark.full_data
def test_published_facts(full_data_dir):
    data = hillstrom_email(tasks=ALL, data_dir=full_data_dir)
    splits = (data.train, data.validation, data.test)
    assert [len(split.labels["visit"]) for split in splits] == [38_400, 12_800, 12_800]
    counts = [
        sum(int(s.labels[t].sum()) for s in splits) for t in ("visit", "conversion")
    ]
    assert counts == [9_394, 578]
    assert sum(int(split.where["conversion_rate"].sum()) for split in splits) == 9_394
    spend = np.concatenate([split.labels["spend"] for split in splits])
    assert spend.max() == 499.0 and (spend > 0).sum() == 578
    assert np.median(spend[spend > 0]) == pytest.approx(80.795)
