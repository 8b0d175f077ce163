"""The attention family in NumPy: head by head, row by row."""

import numpy as np

from tests.models.formulas_blocks import (
    EXPERTS,
    INPUTS,
    TABLE,
    TASKS,
    TOWERS,
    affine,
    dense,
    encode,
    expert_list,
    layer_norm,
    mlp,
    relu,
    softmax,
)

HEADS, SIZE = 2, 2
COUNTS = {
    "task_query_attention": TABLE + EXPERTS + 2 * 4 * 4 + 3 * 4 + TOWERS,
    "cross_task_attention": (
        TABLE + affine(INPUTS, 5) + 3 * affine(5, 4) + 2 * 4 + 4 * affine(4, 4) + TOWERS
    ),
    # Three numeric columns lifted to 2, all tokens to 4; two blocks; the last norm.
    "field_transformer": (
        (TABLE + 2 * 3 * 2 + affine(2, 4) + 3 * 4 + TOWERS)
        + 2 * (2 * 2 * 4 + 4 * affine(4, 4) + affine(4, 5, 4))
        + 2 * 4
    ),
}


def heads_of(vector):
    return vector.reshape(HEADS, SIZE)


def task_query_attention(p, features):
    experts = expert_list(p["experts"], encode(p["encoder"], features))
    keys = [dense(p["key"], e) for e in experts]
    values = [dense(p["value"], e) for e in experts]

    def attend(query, row):
        heads = []
        for h in range(HEADS):
            scores = [query[h] @ heads_of(k[row])[h] / np.sqrt(SIZE) for k in keys]
            weights = softmax(np.array(scores))
            heads.append(
                sum(
                    w * heads_of(v[row])[h]
                    for w, v in zip(weights, values, strict=True)
                )
            )
        return np.concatenate(heads)

    rows = range(len(experts[0]))
    return {
        t: np.stack([attend(p[f"query_{t}"]["query"], row) for row in rows])
        for t in TASKS
    }


def self_attention(p, s):
    """s [rows, vectors, 4] -> the same."""
    read, q = layer_norm(p["before"], s), p["attention"]
    result = np.zeros_like(s)
    for row, vectors in enumerate(read):
        joined = np.zeros((len(vectors), HEADS, SIZE))
        for h in range(HEADS):
            query, key, value = (
                vectors @ q[part]["kernel"][:, h] + q[part]["bias"][h]
                for part in ("query", "key", "value")
            )
            joined[:, h] = softmax(query @ key.T / np.sqrt(SIZE)) @ value
        for h in range(HEADS):
            result[row] += joined[:, h] @ q["out"]["kernel"][h]
        result[row] += q["out"]["bias"]
    return s + result


def cross_task_attention(p, features):
    bottom = mlp(p["bottom"], encode(p["encoder"], features))
    states = np.stack(expert_list(p["states"], bottom), axis=1)
    states = self_attention(p["attend"], states)
    return {task: states[:, k] for k, task in enumerate(TASKS)}


def field_transformer(p, features):
    ids, numbers = (np.asarray(features[k]) for k in ("categorical", "numerical"))
    q = p["encoder"]
    columns = [q["embedding"][:4][ids[:, 0]], q["embedding"][4:][ids[:, 1]]]
    for n in range(3):
        columns.append(numbers[:, [n]] * q["slope"][n] + q["offset"][n])
    fields = [dense(p["project"], column) for column in columns]
    tasks = [np.tile(token, (len(ids), 1)) for token in p["task_tokens"]]
    s = np.stack(tasks + fields, axis=1)
    for level in range(2):
        s = self_attention(p[f"attend_{level}"], s)
        read = layer_norm(p[f"feed_{level}_norm"], s)
        inside = relu(dense(p[f"feed_{level}_in"], read))
        s = s + dense(p[f"feed_{level}_out"], inside)
    s = layer_norm(p["last_norm"], s)
    return {task: s[:, k] for k, task in enumerate(TASKS)}


FORMULAS = {
    "task_query_attention": task_query_attention,
    "cross_task_attention": cross_task_attention,
    "field_transformer": field_transformer,
}
