"""Starting values: where they go, what is refused, and a run that starts from them."""

import functools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import traverse_util
from hydra import compose, initialize_config_dir

import mtlx.compose
from experiments import pretrain
from mtlx import balancers, models
from mtlx.data import Dataset
from mtlx.pretrain import WarmStart, save_start
from mtlx.tasks import Task
from mtlx.train import build_model, fit
from mtlx.types import Batch, Field, Schema

CONF = str(Path(__file__).resolve().parents[2] / "conf")
FIELD = Field("text", "text", (4,), sizes=(6,))
TABLE = np.arange(18, dtype=np.float32).reshape(6, 3) / 10


def make_dataset(rows=16):
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 6, size=(rows, 4)).astype(np.int32)
    tasks = (Task("good", "binary"), Task("cheap", "binary"))
    labels = {t.name: rng.integers(0, 2, size=rows).astype(np.float32) for t in tasks}
    batch = Batch({"text": ids}, labels, {t.name: np.ones(rows, bool) for t in tasks})
    return Dataset("texts", tasks, Schema(fields=(FIELD,)), batch, batch, batch)


@pytest.fixture
def stored(tmp_path):
    path = tmp_path / "values" / "start.safetensors"
    save_start(path, {"text/embedding": TABLE})
    return str(path)


def test_every_encoder_of_a_model_starts_from_the_values(stored):
    dataset = make_dataset()
    encoder = functools.partial(models.FeatureEncoder, embedding_dim=3)
    architecture = functools.partial(models.SingleTask, bottom_widths=(2,))
    model = build_model(architecture, encoder, dataset)
    result = fit(
        model,
        dataset,
        balancers.equal(),
        optax.sgd(0.0),
        epochs=1,
        batch_size=16,
        warm_start=WarmStart(stored),
    )
    for task in ("good", "cheap"):
        table = result.state.params[f"encoder_{task}"]["text"]["embedding"]
        np.testing.assert_array_equal(table, TABLE)
    plain = fit(
        model, dataset, balancers.equal(), optax.sgd(0.0), epochs=1, batch_size=16
    )
    for part in ("bottom_good", "tower_cheap"):
        jax.tree.map(
            np.testing.assert_array_equal,
            result.state.params[part],
            plain.state.params[part],
        )


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"text": {"embedding": jnp.zeros((5, 3))}}, r"\(6, 3\), as stored, .* .5, 3"),
        ({"title": {"embedding": jnp.zeros((6, 3))}}, "ends in 'text/embedding'"),
    ],
)
def test_values_without_their_place_are_refused(stored, params, message):
    with pytest.raises(ValueError, match=message):
        WarmStart(stored)({"encoder": params})


def test_a_file_that_is_absent_or_no_such_file_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected a file of starting values"):
        WarmStart(str(tmp_path / "none"))
    (tmp_path / "other").write_bytes(b"text")
    with pytest.raises(ValueError, match="expected a safetensors file"):
        WarmStart(str(tmp_path / "other"))({})


@pytest.mark.parametrize("option", ["skip_gram", "masked_tokens"])
def test_every_option_writes_what_a_model_takes(option, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(mtlx.compose, "build_dataset", lambda cfg: make_dataset())
    small = ["pretrain.epochs=1", "pretrain.batch_rows=8", "pretrain.dim=8"]
    with initialize_config_dir(CONF, version_base="1.3"):
        cfg = compose("pretrain", overrides=[f"pretrain={option}", *small])
        text = "mean" if option == "skip_gram" else "transformer"
        run = compose("train", overrides=[f"encoder/text={text}"])
    values = WarmStart(str(pretrain.pretrain(cfg, tmp_path / "run"))).values()
    assert "Loss by epoch" in capsys.readouterr().out
    encoder = mtlx.compose.instantiate(run.encoder)(fields=(FIELD,), embedding_dim=8)
    rows = {"text": make_dataset().train.features["text"]}
    params = jax.eval_shape(encoder.init, jax.random.key(0), rows)["params"]
    flat = traverse_util.flatten_dict(params, sep="/")
    assert {name: value.shape for name, value in values.items()} == {
        name: leaf.shape for name, leaf in flat.items()
    }


def test_the_trainer_takes_the_values(stored):
    overrides = [
        f"trainer.warm_start={{_target_: mtlx.pretrain.WarmStart, path: '{stored}'}}"
    ]
    with initialize_config_dir(CONF, version_base="1.3"):
        cfg = compose("train", overrides=overrides)
    assert mtlx.compose.build_trainer(cfg).keywords["warm_start"] == WarmStart(stored)


def test_a_field_that_is_no_text_of_the_data_is_refused():
    with pytest.raises(ValueError, match=r"a text field 'title', found \['text'\]"):
        pretrain.find_field(make_dataset(), "title")
