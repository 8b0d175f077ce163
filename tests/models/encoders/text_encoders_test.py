"""Encoders of texts: their formulas in NumPy, and that padding never matters."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx.models.encoders import BERT, CNN, AttentionPool, TextTransformer

D, ROWS = 4, 4
SMALL = {"num_layers": 2, "num_heads": 2, "feedforward_width": 6}
ENCODERS = {
    "cnn": CNN(widths=(2, 3), filters=3),
    "attention": AttentionPool(width=3),
    "leading": TextTransformer(width=6, **SMALL),
    "mean": TextTransformer(width=6, pooling="mean", **SMALL),
    "bert": BERT(max_positions=9, **SMALL),
    "bert_mean": BERT(max_positions=9, pooling="mean", **SMALL),
}
LENGTHS = (5, 3, 1, 0)  # the last row has no position at all


def texts(length=5, padding=0.0, seed=0):
    """Vectors [B, L, D] and mask [B, L]; `padding` is written beyond the end."""
    drawn = np.random.default_rng(seed).normal(size=(ROWS, 5, D))
    vectors = np.full((ROWS, length, D), padding)
    vectors[:, :5] = drawn
    mask = np.arange(length)[None] < np.array(LENGTHS)[:, None]
    vectors[~mask] = padding
    return jnp.asarray(vectors, jnp.float32), jnp.asarray(mask)


@functools.cache
def parameters(name):
    variables = jax.eval_shape(ENCODERS[name].init, jax.random.key(0), *texts())
    rng = np.random.default_rng(1)
    return jax.tree.map(
        lambda leaf: jnp.asarray(rng.normal(scale=0.5, size=leaf.shape), leaf.dtype),
        variables,
    )


def apply(name, variables, vectors, mask):
    return ENCODERS[name].apply(variables, vectors, mask, None, train=False)


@pytest.mark.parametrize("name", ENCODERS)
def test_what_padding_holds_matters_to_no_output_and_no_gradient(name, quick_jit):
    def loss(variables, vectors, mask):
        return jnp.sum(jnp.sin(apply(name, variables, vectors, mask)))

    both = quick_jit(jax.value_and_grad(loss, argnums=(0, 1)))
    (value, (grads, of_input)) = both(parameters(name), *texts())
    (other, (other_grads, other_input)) = both(parameters(name), *texts(padding=7.0))
    np.testing.assert_allclose(value, other, rtol=1e-6)
    close = functools.partial(np.testing.assert_allclose, atol=1e-5)
    jax.tree.map(close, grads, other_grads)
    close(of_input, other_input)
    mask = texts()[1]
    assert not np.any(np.asarray(of_input)[~np.asarray(mask)])
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(grads))


@pytest.mark.parametrize("name", ENCODERS)
def test_longer_padding_gives_the_same(name, quick_jit):
    variables = parameters(name)
    run = quick_jit(functools.partial(apply, name))
    wider = jax.tree.map(lambda leaf: leaf, variables)
    if name in ("leading", "mean"):  # one learnt position for each that there may be
        stack = wider["params"]["stack"]
        more = np.full((2, 6), 9.0, np.float32)
        stack["positions"] = jnp.concatenate([stack["positions"], more])
    short, long = run(variables, *texts()), run(wider, *texts(length=7))
    np.testing.assert_allclose(short, long, atol=1e-5)


def layer_norm(params, x, epsilon):
    z = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + epsilon)
    return z * params["scale"] + params["bias"]


def attend(params, s):
    """Multi-head self-attention of one row's positions [L, D], head by head."""
    out = params["out"]["bias"].copy()[None].repeat(len(s), 0)
    for h in range(params["query"]["kernel"].shape[1]):
        q, k, v = (
            s @ params[part]["kernel"][:, h] + params[part]["bias"][h]
            for part in ("query", "key", "value")
        )
        z = np.exp(q @ k.T / np.sqrt(k.shape[1]))
        out += z / z.sum(1, keepdims=True) @ v @ params["out"]["kernel"][h]
    return out


def dense(params, x):
    return x @ params["kernel"] + params["bias"]


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def cnn(p, rows):
    for v in rows:
        found = []
        for h in (2, 3):
            kernel, bias = p[f"kernel_{h}"], p[f"bias_{h}"]
            read = np.concatenate([v, np.zeros((h - 1, D))])
            windows = [
                np.maximum(np.einsum("hd,hdf->f", read[at : at + h], kernel) + bias, 0)
                for at in range(len(v))
            ]
            found.append(np.max([np.zeros(3), *windows], axis=0))
        yield np.concatenate(found)


def attention(p, rows):
    for v in rows:
        if len(v) == 0:
            yield np.zeros(D)
            continue
        z = np.exp(np.tanh(dense(p["hidden"], v)) @ p["score"]["kernel"][:, 0])
        yield (z / z.sum()) @ v


def states(p, v):
    p = p["stack"]
    s = np.concatenate(
        [p["leading"], dense(p["project"], v) + p["positions"][: len(v)]]
    )
    for level in range(2):
        s = s + attend(
            p[f"attention_{level}"], layer_norm(p[f"attention_norm_{level}"], s, 1e-6)
        )
        h = dense(p[f"feed_in_{level}"], layer_norm(p[f"feed_norm_{level}"], s, 1e-6))
        s = s + dense(p[f"feed_out_{level}"], gelu_tanh(h))
    return layer_norm(p["last_norm"], s, 1e-6)


def leading(p, rows):
    return (states(p, v)[0] for v in rows)


def mean(p, rows):
    return (states(p, v)[1:].mean(0) if len(v) else np.zeros(6) for v in rows)


FORMULAS = {"cnn": cnn, "attention": attention, "leading": leading, "mean": mean}


@pytest.mark.parametrize("name", FORMULAS)
def test_an_encoder_is_its_formula(name, quick_jit):
    variables = parameters(name)
    vectors, mask = texts()
    found = quick_jit(functools.partial(apply, name))(variables, vectors, mask)
    double = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), variables)
    rows = [
        np.asarray(v, np.float64)[: int(m.sum())]
        for v, m in zip(vectors, mask, strict=True)
    ]
    expected = np.stack(list(FORMULAS[name](double["params"], rows)))
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("name", ["cnn", "attention", "leading", "bert"])
def test_dropout_is_drawn_while_training_alone(name, quick_jit):
    module = ENCODERS[name].clone(dropout_rate=0.5)

    def train(key):
        rngs = {"dropout": key}
        return module.apply(parameters(name), *texts(), None, train=True, rngs=rngs)

    run = quick_jit(train)
    first, second = run(jax.random.key(0)), run(jax.random.key(1))
    assert np.abs(first - second).max() > 1e-3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: CNN(widths=()),
            "widths and a number of filters >= 1, found .. and 100",
        ),
        (lambda: CNN(filters=0), "found .3, 4, 5. and 0"),
        (lambda: TextTransformer(pooling="max"), "leading.*mean.*found 'max'"),
        (
            lambda: TextTransformer(width=6, num_heads=4).stack(),
            "divides width.*4 and 6",
        ),
        (lambda: BERT(pooling="cls"), "pooler.*mean.*found 'cls'"),
    ],
)
def test_wrong_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("options", [{"max_positions": 4}, {"num_heads": 3}])
def test_bert_refuses_texts_that_do_not_fit(options):
    module = ENCODERS["bert"].clone(**options)
    with pytest.raises(ValueError, match="max_positions=.*num_heads=.*found 5 and 4"):
        jax.eval_shape(module.init, jax.random.key(0), *texts())
