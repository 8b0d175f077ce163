"""Chains of behaviour, and the category of a title, on made-up files."""

import hashlib
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util
from hydra import compose, initialize_config_dir

import mtlx.compose
from experiments.pretrain import find_field
from experiments.train import CONF
from mtlx.data.builders.pricerunner_format import OFFERS
from mtlx.data.builders.pricerunner_source import FILE
from mtlx.models.encoders import DIN, TextTransformer
from mtlx.pretrain import save_start
from tests.conf_test import short_fit, step_shapes
from tests.data import multibehavior_test, pricerunner_test
from tests.data.tiny_source import as_text, publish

LOGS = multibehavior_test.LOADERS


def composed(experiment, *overrides):
    arguments = [f"experiment=ecommerce/{experiment}", *overrides]
    with initialize_config_dir(CONF, version_base="1.3"):
        return compose("train", overrides=arguments, return_hydra_config=True)


def swept(cfg, axis):
    """The options that an experiment goes through."""
    return cfg.hydra.sweeper.params[axis].split(",")


@pytest.fixture(params=LOGS)
def log(request, tmp_path, monkeypatch):
    """Overrides that read a made-up log."""
    load, source = LOGS[request.param]
    rows = multibehavior_test.made_up_log(source.BEHAVIORS)
    content = multibehavior_test.write(tmp_path / "raw", rows)
    digest = hashlib.sha256(content).hexdigest()
    module = sys.modules[load.__module__]
    tiny = source.PUBLISHED._replace(sha256={"train.tsv": digest}, config=digest[:8])
    monkeypatch.setattr(module, "SHOP", module.SHOP._replace(source=tiny))
    where = (f"data.data_dir={tmp_path / 'raw'}", f"data.cache_dir={tmp_path}")
    return (f"data={request.param}", *where)


def test_every_model_of_the_chain_makes_a_step_of_both_logs(log):
    models = swept(composed("chains", *log), "model")
    assert {"esmm", "aitm"} < set(models)
    for model in models:
        parts = mtlx.compose.build(composed("chains", *log, f"model={model}"))
        assert [task.name for task in parts.dataset.tasks] == ["cart", "cart_buy"]
        assert parts.model.encoder.keywords["sequence"].func is DIN
        assert step_shapes(parts)["loss"].shape == (2,)


def test_a_chain_orders_the_probabilities_of_both_logs(log):
    parts = mtlx.compose.build(composed("chains", *log, "model.tower_widths=[4]"))
    result = short_fit(parts, batch_size=16)
    rows = jax.tree.map(jnp.asarray, dict(parts.dataset.test.features))
    logits = parts.model.apply(result.variables, rows)
    assert (logits["cart_buy"] < logits["cart"]).all()
    assert np.isfinite(result.test["cart_buy"]["log_loss"])


@pytest.fixture
def titles(tmp_path, monkeypatch):
    """Overrides that read made-up titles."""
    offers = [pricerunner_test.offer(number) for number in range(60)]
    files = {FILE: as_text(OFFERS, offers)}
    folder = publish(monkeypatch, tmp_path / "raw", "pricerunner_products", files)
    small = ("encoder.embedding_dim=8", "data.tokenizer.min_count=1")
    where = (f"data.data_dir={folder}", f"data.cache_dir={tmp_path}")
    return (*where, *small)


def test_titles_are_classified_by_both_encoders_from_pretrained_words(titles, tmp_path):
    encoders = swept(composed("intent"), "encoder/text")
    assert encoders == ["mean", "transformer"]
    data = mtlx.compose.build_dataset(composed("intent", *titles))
    (task,) = data.tasks
    assert (task.name, task.num_classes) == ("category", 10)
    ids = find_field(data, "text").sizes[0]
    stored = np.random.default_rng(0).normal(size=(ids, 8)).astype(np.float32)
    path = tmp_path / "start.safetensors"
    save_start(path, {"text/embedding": stored})
    start = f"trainer.warm_start={{_target_: mtlx.pretrain.WarmStart, path: {path}}}"
    for encoder in encoders:
        cfg = composed("intent", *titles, f"encoder/text={encoder}", start)
        parts = mtlx.compose.build(cfg)
        assert step_shapes(parts)["loss"].shape == (1,)
        made = parts.model.encoder.keywords["text"].func
        assert (made is TextTransformer) == (encoder == "transformer")
        rows = jax.tree.map(lambda x: x[:2], dict(parts.dataset.train.features))
        params = jax.jit(parts.model.init)(jax.random.key(0), rows)["params"]
        started = traverse_util.flatten_dict(parts.fit.keywords["warm_start"](params))
        tables = [
            x for path, x in started.items() if path[-2:] == ("text", "embedding")
        ]
        assert len(tables) == 1
        np.testing.assert_array_equal(tables[0], stored)


@pytest.mark.parametrize("experiment", ["chains", "intent"])
def test_the_header_states_its_case(experiment):
    with open(f"{CONF}/experiment/ecommerce/{experiment}.yaml") as file:
        header = file.read()
    for line in ("Question:", "Command:", "Takes:", "Published:"):
        assert f"# {line}" in header
    assert composed(experiment).study == experiment
