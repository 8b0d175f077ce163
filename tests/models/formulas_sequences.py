"""The sequence encoders in NumPy, one row without its padding at a time."""

import numpy as np

from tests.models.formulas_blocks import dense, relu, sigmoid, softmax


def mean(params, x, query):
    return x.mean(axis=0)


def gru(params, x, query):
    cell, h = params["cell"], np.zeros(len(params["cell"]["hn"]["bias"]))
    for v in x:
        r = sigmoid(dense(cell["ir"], v) + h @ cell["hr"]["kernel"])
        z = sigmoid(dense(cell["iz"], v) + h @ cell["hz"]["kernel"])
        m = np.tanh(dense(cell["in"], v) + r * dense(cell["hn"], h))
        h = (1 - z) * m + z * h
    return h


def lstm(params, x, query, name="cell"):
    cell = params[name]
    c = h = np.zeros(len(cell["hi"]["bias"]))
    for v in x:
        i, f, g, o = (
            v @ cell[f"i{gate}"]["kernel"] + dense(cell[f"h{gate}"], h)
            for gate in "ifgo"
        )
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    return h


def bilstm(params, x, query):
    ends = [lstm(params, x, query, "forward"), lstm(params, x[::-1], query, "backward")]
    return np.concatenate(ends)


def norm(params, x):
    centred = x - x.mean(axis=-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-6)
    return scaled * params["scale"] + params["bias"]


def sasrec(params, x, query, heads=2, blocks=2):
    s, size = x + params["positions"][: len(x)][::-1], x.shape[1] // heads
    for k in range(blocks):
        block = {part: params[f"block_{k}_{part}"] for part in SASREC_PARTS}
        normed = norm(block["attention_norm"], s)
        q, keys, values = (dense(block[p], normed) for p in ("query", "key", "value"))
        read = np.zeros_like(s)
        for at in range(len(s)):
            for head in range(heads):
                own = slice(head * size, (head + 1) * size)
                scores = keys[: at + 1, own] @ q[at, own] / np.sqrt(size)
                read[at, own] = softmax(scores) @ values[: at + 1, own]
        s = s + read
        hidden = relu(dense(block["in"], norm(block["feed_norm"], s)))
        s = s + dense(block["out"], hidden)
    return norm(params["last_norm"], s)[-1]


SASREC_PARTS = ("attention_norm", "query", "key", "value", "feed_norm", "in", "out")


def din_scores(params, x, query):
    scores = []
    for v in x:
        h = np.concatenate([query, v, query - v, query * v])
        for layer in range(len(params["unit"])):
            h = sigmoid(dense(params["unit"][f"dense_{layer}"], h))
        scores.append(dense(params["score"], h)[0])
    return np.array(scores)


def din(params, x, query):
    return din_scores(params, x, query) @ x


def din_softmax(params, x, query):
    return softmax(din_scores(params, x, query) / np.sqrt(x.shape[1])) @ x
