"""Columns, routed modules and constrained bottoms in NumPy, task by task."""

import numpy as np

from tests.models.formulas_blocks import (
    EXPERTS,
    INPUTS,
    TABLE,
    TASKS,
    TOWERS,
    affine,
    encode,
    expert_list,
    mlp,
    relu,
    sigmoid,
)

MODULES = TABLE + 2 * affine(INPUTS, 4) + 2 * affine(4, 4) + TOWERS
COUNTS = {
    "cross_stitch": TABLE + EXPERTS + 2 * 3 * 3 + TOWERS,
    # Two units alpha on six subspaces, and beta.
    "sluice": TABLE + 3 * affine(INPUTS, 4, 4) + TOWERS + 2 * 6 * 6 + 3 * 2,
    # From two modules into two modules and three towers.
    "snr_trans": MODULES + (2 + 3) * 2 * (1 + 4 * 4),
    "snr_average": MODULES + (2 + 3) * 2,
    "l2_constrained": TABLE + EXPERTS + TOWERS,
    "tensor_factorised": (
        (TABLE + TOWERS)
        + (INPUTS * 4 + 4 * 3 * 2 + 3 * 5 + 3 * (2 + 5))
        + (5 * 4 + 4 * 3 * 2 + 3 * 4 + 3 * (2 + 4))
    ),
}


def each(params, inputs):
    """Layer j of the stack on input j."""
    return [
        relu(x @ params["kernel_0"][j] + params["bias_0"][j])
        for j, x in enumerate(inputs)
    ]


def combine(rows, columns):
    return [sum(a * c for a, c in zip(row, columns, strict=True)) for row in rows]


def cross_stitch(p, features):
    x = encode(p["encoder"], features)
    columns = combine(p["unit_0"], expert_list(p["columns_0"], x))
    columns = each(p["columns_1"], columns)
    return {t: combine([p[f"stitch_{t}"]], columns)[0] for t in TASKS}


def sluice(p, features):
    x = encode(p["encoder"], features)

    def halves(columns):
        return [half for c in columns for half in (c[:, :2], c[:, 2:])]

    def whole(halves):
        pairs = zip(halves[::2], halves[1::2], strict=True)
        return [np.concatenate(pair, axis=1) for pair in pairs]

    first = whole(combine(p["unit_0"], halves(expert_list(p["columns_0"], x))))
    last = halves(each(p["columns_1"], first))
    hidden = {}
    for k, task in enumerate(TASKS):
        (second,) = whole(combine(p[f"stitch_{task}"], last))
        b = p[f"beta_{task}"]
        hidden[task] = b[0] * first[k] + b[1] * second
    return hidden


def snr(p, features):
    x = encode(p["encoder"], features)

    def route(q, inputs):
        z = np.clip(1.2 * sigmoid(q["log_alpha"] / 0.5) - 0.1, 0, 1)
        outputs = []
        for j in range(len(z)):
            sent = (
                u @ q["kernel"][j, i] if "kernel" in q else u
                for i, u in enumerate(inputs)
            )
            outputs.append(combine([z[j]], list(sent))[0])
        return outputs

    modules = expert_list(p["modules_0"], x)
    modules = each(p["modules_1"], route(p["routing_level_1"], modules))
    return {t: route(p[f"to_{t}"], modules)[0] for t in TASKS}


def l2_constrained(p, features):
    x = encode(p["encoder"], features)
    return {t: mlp(p[f"bottom_{t}"], x) for t in TASKS}


def tensor_factorised(p, features):
    def bottom(task):
        h = encode(p["encoder"], features)
        for level in range(2):
            q = p[f"bottom_{level}"]
            kernel = np.zeros((h.shape[1], q["units"].shape[1]))
            for a, b, c in np.ndindex(q["core"].shape):
                outer = np.outer(q["inputs"][:, a], q["units"][b])
                kernel += q["core"][a, b, c] * outer * q[f"factor_{task}"][c]
            h = relu(h @ kernel + q[f"bias_{task}"])
        return h

    return {t: bottom(t) for t in TASKS}


FORMULAS = {
    "cross_stitch": cross_stitch,
    "sluice": sluice,
    "snr_trans": snr,
    "snr_average": snr,
    "l2_constrained": l2_constrained,
    "tensor_factorised": tensor_factorised,
}
