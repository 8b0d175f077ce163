"""A tiny random BERT on disk: read, tokenized and run as NumPy runs it."""

import functools
import json
import math

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from mtlx.data import DataError, bert_tokenizer
from mtlx.models import FeatureEncoder
from mtlx.models.encoders import BERT
from mtlx.pretrain import BertWeights

VOCAB = ("[PAD]", "soft", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "dress", "##es", "!")
WIDTH, HEADS, FEED, LAYERS, POSITIONS, LENGTH = 6, 2, 10, 2, 9, 7
TEXTS = ["Soft dresses!", "blue dress", ""]
SIZES = {"num_layers": LAYERS, "num_heads": HEADS, "feedforward_width": FEED}
SIZES["max_positions"] = POSITIONS
CONFIG = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
}


def checkpoint():
    """Arrays as BertModel stores them: a Dense kernel is [outputs, inputs]."""
    shapes = {
        "embeddings.word_embeddings.weight": (len(VOCAB), WIDTH),
        "embeddings.position_embeddings.weight": (POSITIONS, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
        "embeddings.LayerNorm.weight": (WIDTH,),
        "embeddings.LayerNorm.bias": (WIDTH,),
        "pooler.dense.weight": (WIDTH, WIDTH),
        "pooler.dense.bias": (WIDTH,),
    }
    for level in range(LAYERS):
        at = f"encoder.layer.{level}"
        dense = {
            f"attention.self.{part}": (WIDTH, WIDTH)
            for part in ("query", "key", "value")
        } | {
            "attention.output.dense": (WIDTH, WIDTH),
            "intermediate.dense": (FEED, WIDTH),
            "output.dense": (WIDTH, FEED),
        }
        for name, shape in dense.items():
            shapes[f"{at}.{name}.weight"] = shape
            shapes[f"{at}.{name}.bias"] = shape[:1]
        for norm in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes |= {f"{at}.{norm}.{part}": (WIDTH,) for part in ("weight", "bias")}
    rng = np.random.default_rng(0)
    return {
        name: rng.normal(scale=0.5, size=shape).astype(np.float32)
        for name, shape in shapes.items()
    }


@pytest.fixture
def folder(tmp_path):
    save_file(checkpoint(), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "vocab.txt").write_text("\n".join(VOCAB) + "\n")
    return tmp_path


def reference(w, ids):
    """BertModel on one text's ids, those of vocab.txt: states [L, D] and pooled [D]."""

    def dense(name, x):
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(name, x):
        z = x - x.mean(-1, keepdims=True)
        z /= np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return z * w[f"{name}.LayerNorm.weight"] + w[f"{name}.LayerNorm.bias"]

    s = w["embeddings.word_embeddings.weight"][ids]
    s = s + w["embeddings.position_embeddings.weight"][: len(ids)]
    s = norm("embeddings", s + w["embeddings.token_type_embeddings.weight"][0])
    erf, size = np.vectorize(math.erf), WIDTH // HEADS
    for level in range(LAYERS):
        at = f"encoder.layer.{level}"
        q, k, v = (
            dense(f"{at}.attention.self.{part}", s)
            for part in ("query", "key", "value")
        )
        heads = []
        for h in range(HEADS):
            part = slice(h * size, (h + 1) * size)
            z = np.exp(q[:, part] @ k[:, part].T / np.sqrt(size))
            heads.append(z / z.sum(1, keepdims=True) @ v[:, part])
        read = dense(f"{at}.attention.output.dense", np.concatenate(heads, axis=1))
        s = norm(f"{at}.attention.output", s + read)
        h = dense(f"{at}.intermediate.dense", s)
        h = dense(f"{at}.output.dense", h * 0.5 * (1 + erf(h / np.sqrt(2))))
        s = norm(f"{at}.output", s + h)
    return s, np.tanh(dense("pooler.dense", s[0]))


def encoder_of(tokenizer, **options):
    text = functools.partial(BERT, **SIZES | options)
    fields = (tokenizer.field("text"),)
    return FeatureEncoder(fields=fields, embedding_dim=WIDTH, text=text)


def encode(folder, **options):
    tokenizer = bert_tokenizer(folder=folder, length=LENGTH)
    encoder, rows = encoder_of(tokenizer, **options), {"text": tokenizer.ids(TEXTS)}
    params = jax.jit(encoder.init)(jax.random.key(0), rows)["params"]
    params = BertWeights(str(folder))(params)
    return np.asarray(jax.jit(encoder.apply)({"params": params}, rows))


def published_ids():
    """What the published tokenizer makes of the texts."""
    words = (
        ("[CLS]", "soft", "dress", "##es", "!", "[SEP]"),
        ("[CLS]", "[UNK]", "dress", "[SEP]"),
        ("[CLS]", "[SEP]"),
    )
    return [[VOCAB.index(word) for word in text] for text in words]


def test_ids_are_berts_with_0_and_the_unknown_exchanged(folder):
    tokenizer = bert_tokenizer(TEXTS, folder=folder, length=LENGTH)
    unknown = VOCAB.index("[UNK]")
    exchanged = {0: unknown, unknown: 0}
    expected = np.full((3, LENGTH), -1)
    for row, ids in zip(expected, published_ids(), strict=True):
        row[: len(ids)] = [exchanged.get(number, number) for number in ids]
    np.testing.assert_array_equal(tokenizer.ids(TEXTS), expected)
    assert tokenizer.size == len(VOCAB)


def test_a_long_text_keeps_its_end_mark(folder):
    (row,) = bert_tokenizer(folder=folder, length=3).ids(["dress dress dress"])
    assert row.tolist() == [VOCAB.index(word) for word in ("[CLS]", "dress", "[SEP]")]


@pytest.mark.parametrize("pooling", ["pooler", "mean"])
def test_the_forward_pass_is_numpys(folder, pooling):
    w = {name: array.astype(np.float64) for name, array in checkpoint().items()}
    expected = []
    for ids in published_ids():
        states, pooled = reference(w, ids)
        expected.append(pooled if pooling == "pooler" else states.mean(axis=0))
    found = encode(folder, pooling=pooling)
    np.testing.assert_allclose(found, np.stack(expected), atol=2e-5)


def test_older_spellings_are_read_too(folder):
    found = encode(folder)
    stored = load_file(folder / "model.safetensors")

    def spelt(name):
        name = name.replace("LayerNorm.weight", "LayerNorm.gamma")
        return f"bert.{name.replace('LayerNorm.bias', 'LayerNorm.beta')}"

    renamed = {spelt(name): array for name, array in stored.items()}
    renamed["cls.predictions.bias"] = np.zeros(len(VOCAB), np.float32)
    save_file(renamed, folder / "model.safetensors")
    np.testing.assert_array_equal(encode(folder), found)


def test_absent_files_are_named_and_not_downloaded(folder):
    for name in ("config.json", "model.safetensors", "vocab.txt"):
        (folder / name).rename(folder / "away")
        with pytest.raises(FileNotFoundError, match=f"found no {name}. Nothing"):
            BertWeights(str(folder))
        (folder / "away").rename(folder / name)
    with pytest.raises(DataError, match="found no file. Nothing is downloaded"):
        bert_tokenizer(folder=folder / "elsewhere")


def test_other_models_damage_and_missing_arrays_are_refused(folder):
    weights = BertWeights(str(folder))
    (folder / "config.json").write_text(json.dumps(CONFIG | {"model_type": "gpt2"}))
    with pytest.raises(ValueError, match="model_type 'bert'.*found 'gpt2' and 'gelu'"):
        weights.values()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    arrays = checkpoint()
    pooler = {name: arrays.pop(name) for name in tuple(arrays) if "pooler" in name}
    save_file(arrays, folder / "model.safetensors")
    assert pooler and encode(folder, pooling="mean").shape == (3, WIDTH)
    with pytest.raises(ValueError, match="expected a pooler, found none.*pooling=mean"):
        encode(folder)
    del arrays["encoder.layer.1.output.dense.bias"]
    save_file(arrays, folder / "model.safetensors")
    with pytest.raises(ValueError, match="array 'encoder.layer.1.output.dense.bias'"):
        weights.values()
    (folder / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="safetensors file, found a damaged one"):
        weights.values()
    (folder / "vocab.txt").write_text("dress\n")
    with pytest.raises(DataError, match=r"found no \[UNK\], \[CLS\], \[SEP\] among 1"):
        bert_tokenizer(folder=folder)


def test_an_encoder_of_other_sizes_is_refused(folder):
    with pytest.raises(ValueError, match="feed_in_0/bias|feed_in_0/kernel"):
        encode(folder, feedforward_width=FEED + 1)
    with pytest.raises(ValueError, match="expected the model to have a parameter that"):
        encode(folder, num_layers=1)
