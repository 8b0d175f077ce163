"""Chains of tasks, domains and embeddings in NumPy, row by row where domains differ.

`FORMULAS` gives what the towers read; for the members of `WHOLE` the outputs, which are
more than their towers'.
"""

import numpy as np

from tests.models.formulas_blocks import (
    INPUTS,
    OUTPUTS,
    TABLE,
    TASKS,
    TOWERS,
    affine,
    dense,
    encode,
    expert_list,
    gated,
    mlp,
    relu,
    sigmoid,
    softmax,
    tower,
)

COUNTS = {
    "esmm": TABLE + 3 * affine(INPUTS, 3, 1),
    "escm2_ipw": TABLE + 3 * affine(INPUTS, 3, 1),
    "escm2_dr": TABLE + 3 * affine(INPUTS, 3, 1) + 2 * affine(INPUTS, 2, 1),
    # Bottoms, towers, and two transfers of four maps each.
    "aitm": TABLE + 3 * (affine(INPUTS, 5, 4) + affine(4, 3, 1)) + 2 * 4 * affine(4, 4),
    "dbmtl": (
        (TABLE + affine(INPUTS, 5) + 3 * affine(5, 4))
        + (affine(4 + 4, 3) + affine(4 + 4 + 3, 3))  # relations of stars and category
        + (affine(4, 3, 1) + affine(3, 3, 1) + affine(3, 3, 3))
    ),
    "stem": 4 * TABLE + 7 * affine(INPUTS, 4) + 3 * INPUTS * 7 + TOWERS,
    "pepnet": (
        (TABLE + 3 * 2 + affine(2 + INPUTS, 3) + affine(3, INPUTS))  # EPNet
        + (4 * 2 + 2 * affine(2 + INPUTS, 3))  # what PPNet's gates share
        + 3 * (affine(3, INPUTS) + affine(3, 5) + affine(INPUTS, 5, 4))
        + TOWERS
    ),
    # Three domains, and weights that they share.
    "star": (
        (TABLE + 4 * affine(INPUTS, 5, 4) + TOWERS)
        + (3 * 2 + sum(affine(2 + INPUTS, 2, outputs) for outputs in OUTPUTS))
    ),
    "m3oe": (
        (TABLE + 4 * affine(INPUTS, 5) + affine(5, 4) + affine(INPUTS, 4))
        + ((2 + 3 + 3) * affine(4, 4, 3) + 4 + 3 * 3 * 4 * 2)
        + 3 * sum(affine(3, 3, outputs) for outputs in OUTPUTS)
    ),
}


def esmm(p, features):
    x = encode(p["encoder"], features)
    outputs, probability = {}, 1.0
    for t in TASKS:
        probability = probability * sigmoid(tower(p[f"tower_{t}"], x))
        outputs[t] = np.log(probability) - np.log1p(-probability)
    return outputs


def aitm(p, features):
    x = encode(p["encoder"], features)
    q = {t: mlp(p[f"bottom_{t}"], x) for t in TASKS}
    z = {"click": q["click"]}
    for before, t in (("click", "stars"), ("stars", "category")):
        maps = p[f"transfer_{t}"]
        both = [mlp(maps["info"], z[before]), q[t]]
        scores = [
            np.sum(dense(maps["query"], u) * dense(maps["key"], u), axis=1)
            for u in both
        ]
        weights = softmax(np.stack(scores, axis=1) / 2)  # sqrt of the width, 4
        z[t] = sum(
            weights[:, [i]] * dense(maps["value"], u) for i, u in enumerate(both)
        )
    return z


def dbmtl(p, features):
    bottom = mlp(p["bottom"], encode(p["encoder"], features))
    hidden = {t: mlp(p[f"task_{t}"], bottom) for t in TASKS}
    click = hidden["click"]
    stars = mlp(p["relation_stars"], np.concatenate([hidden["stars"], click], axis=1))
    read = np.concatenate([hidden["category"], click, stars], axis=1)
    return {
        "click": click,
        "stars": stars,
        "category": mlp(p["relation_category"], read),
    }


def stem(p, features):
    shared = encode(p["shared_encoder"], features)
    own = {t: encode(p[f"encoder_{t}"], features) for t in TASKS}
    experts = [e for t in TASKS for e in expert_list(p[f"experts_{t}"], own[t])]
    experts += expert_list(p["shared_experts"], shared)
    return {t: gated(p[f"gate_{t}"], own[t] + shared, experts) for t in TASKS}


def pepnet(p, features):
    x, ids = encode(p["encoder"], features), np.asarray(features["categorical"])
    domain = p["domain_encoder"]["embedding"][ids[:, 1]]
    user = p["personal_encoder"]["embedding"][ids[:, 0]]

    def hidden(name, prior):
        return relu(dense(p[name], np.concatenate([prior, x], axis=1)))

    def factor(name, hidden):
        return 2 * sigmoid(dense(p[name], hidden))

    x = x * factor("domain_factor", hidden("domain_gate", domain))
    gates = [hidden(f"gate_{layer}", user) for layer in range(2)]
    outputs = {}
    for t in TASKS:
        h = x
        for layer in range(2):
            h = h * factor(f"factor_{layer}_{t}", gates[layer])
            h = mlp(p[f"task_{layer}_{t}"], h)
        outputs[t] = h
    return outputs


def starred(q, d, h):
    """The affine map of one row's domain."""
    kernel = q["kernel"][d] * q["shared_kernel"]
    return h @ kernel + q["bias"][d] + q["shared_bias"]


def star(p, features):
    x, domains = (
        encode(p["encoder"], features),
        np.asarray(features["categorical"])[:, 1],
    )
    h = x
    for layer in range(2):
        q = p["bottom"][f"dense_{layer}"]
        h = np.stack(
            [relu(starred(q, d, row)) for d, row in zip(domains, h, strict=True)]
        )
    embedded = np.concatenate([p["domain_encoder"]["embedding"][domains], x], axis=1)
    return {
        t: tower(p[f"tower_{t}"], h) + tower(p[f"auxiliary_{t}"], embedded)
        for t in TASKS
    }


def m3oe(p, features):
    x, domains = (
        encode(p["encoder"], features),
        np.asarray(features["categorical"])[:, 1],
    )
    rows = [_m3oe_row(p, d, row) for d, row in zip(domains, x, strict=True)]
    outputs = {t: np.stack([row[t] for row in rows]) for t in TASKS}
    return {t: y[:, 0] if y.shape[1] == 1 else y for t, y in outputs.items()}


def _m3oe_row(p, d, x):
    e = mlp(p["star_mlp"], starred(p["star"], d, x)) + mlp(p["skip"], x)

    def group(name):
        return [expert[0] for expert in expert_list(p[name], e[None])]

    def balanced(experts, i, number):
        c = sigmoid(p[number])
        others = [expert for j, expert in enumerate(experts) if j != i]
        return c * experts[i] + (1 - c) * np.mean(others, axis=0)

    shared, by_domain = group("shared_experts"), group("domain_experts")
    outputs = {}
    for i, t in enumerate(TASKS):
        h = softmax(e @ p[f"gate_{t}"]["output"]["kernel"][d]) @ np.stack(shared)
        h = h + sigmoid(p["domain_share"]) * balanced(by_domain, d, "domain_balance")
        of_task = balanced(group("task_experts"), i, "task_balance")
        h = h + sigmoid(p["task_share"]) * of_task
        q = p[f"tower_{t}"]
        h = relu(h @ q["dense_0"]["kernel"][d] + q["dense_0"]["bias"][d])
        outputs[t] = h @ q["output"]["kernel"][d] + q["output"]["bias"][d]
    return outputs


FORMULAS = {
    "esmm": esmm,
    "escm2_ipw": esmm,
    "escm2_dr": esmm,
    "aitm": aitm,
    "dbmtl": dbmtl,
    "stem": stem,
    "pepnet": pepnet,
    "star": star,
    "m3oe": m3oe,
}
WHOLE = ("esmm", "escm2_ipw", "escm2_dr", "star", "m3oe")
