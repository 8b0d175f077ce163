"""Mixtures of experts in NumPy: gate by gate, expert by expert, row by row."""

import itertools

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
    gated,
    relu,
    sigmoid,
    softmax,
)


def factors(inputs):
    """Size of a feature gate: two pairs of rank 2, and what mixes them."""
    return 2 * 2 * (2 * inputs) + 2 * inputs


COUNTS = {
    # Experts 7-5 and 5-4; a gate on x for each second expert, and for each task.
    "ml_mmoe": TABLE + EXPERTS + (3 + 3) * INPUTS * 3 + TOWERS,
    "ml_mmoe_hidden_gate": (
        TABLE + EXPERTS + (3 + 3) * (affine(INPUTS, 2) + 2 * 3) + TOWERS
    ),
    "topk_mmoe": TABLE + EXPERTS + 3 * 2 * INPUTS * 3 + TOWERS,
    # Two selectors of two bits and a score each.
    "dselect_k": TABLE + EXPERTS + 3 * INPUTS * (2 * 2 + 2) + TOWERS,
    "dselect_k_static": TABLE + EXPERTS // 3 * 4 + 3 * (2 * 2 + 2) + TOWERS,
    "adatt_sp": (
        (TABLE + 6 * affine(INPUTS, 5) + 6 * affine(5, 4) + TOWERS)
        + (3 * 6 * INPUTS + 3 * 6 * 5 + 2 * 6)  # gates on x and on h, residuals
    ),
    "adatt_sp_single": (
        (TABLE + 3 * affine(INPUTS, 5) + 3 * affine(5, 4) + TOWERS)
        + (3 * 3 * INPUTS + 3 * 3 * 5)
    ),
    "adatt_gp": (
        (TABLE + 7 * affine(INPUTS, 5) + 7 * affine(5, 4) + TOWERS)
        + (4 * 7 * INPUTS + 3 * 7 * 5 + 7 + 6)
    ),
    "home": (
        (TABLE + 2 * factors(INPUTS) + 3 * affine(INPUTS, 4))  # two and one experts
        + INPUTS * ((3 + 1) + (3 + 2))  # their gates and self-gates
        + (5 * (factors(4) + affine(4, 4)) + 3 * 8 * (3 + 1) + TOWERS)
    ),
    "home_groups": (
        (TABLE + 3 * factors(INPUTS) + 4 * affine(INPUTS, 4))
        + INPUTS * ((3 + 1) + (3 + 1) + (4 + 2))
        + (6 * factors(4) + (1 + 2 + 3 * 2) * affine(4, 4) + 3 * 8 * (4 + 2) + TOWERS)
    ),
    "metaheac": (
        (TABLE + EXPERTS + 3 * 2 + (INPUTS + 2) * (3 + 2))
        + 2 * (affine(4, 3, 1) + affine(4, 3, 3))
    ),
}


def weighted(weights, experts):
    return sum(weights[:, [e]] * expert for e, expert in enumerate(experts))


def ml_mmoe(p, features):
    x = encode(p["encoder"], features)
    first, second = p["experts_0"], p["experts_1"]
    below = expert_list(first, x)
    outputs = []
    for e in range(3):
        read = x
        if "mlp" in p["gates_0"]:
            q = p["gates_0"]["mlp"]
            read = relu(x @ q["kernel_0"][e] + q["bias_0"][e])
        mixed = weighted(softmax(read @ p["gates_0"]["kernel"][e]), below)
        outputs.append(relu(mixed @ second["kernel_0"][e] + second["bias_0"][e]))
    return {t: gated(p[f"gate_{t}"], x, outputs) for t in TASKS}


def topk_mmoe(p, features):
    x = encode(p["encoder"], features)
    experts = expert_list(p["experts"], x)

    def two_of_three(q):
        weights = np.zeros((len(x), 3))
        for row, logits in enumerate(dense(q["output"], x)):
            a, b = np.argsort(logits)[1:]
            weights[row, [a, b]] = softmax(logits[[a, b]])
        return weights

    return {t: weighted(two_of_three(p[f"gate_{t}"]), experts) for t in TASKS}


def dselect_k(p, features):
    x = encode(p["encoder"], features)
    experts = expert_list(p["experts"], x)

    def step(t):
        return 0.0 if t <= -0.5 else 1.0 if t >= 0.5 else -2 * t**3 + 1.5 * t + 0.5

    def select(q):
        weights = np.zeros((len(x), len(experts)))
        for row in range(len(x)):
            if isinstance(q["code"], dict):
                codes, scores = (dense(q[part], x)[row] for part in ("code", "output"))
            else:
                codes, scores = q["code"][0], q["output"][0]
            shares = softmax(scores)
            for k, e in itertools.product(range(2), range(len(experts))):
                low, high = step(codes[2 * k]), step(codes[2 * k + 1])
                r = (low if e % 2 else 1 - low) * (high if e // 2 else 1 - high)
                weights[row, e] += shares[k] * r
        return weights

    return {t: weighted(select(p[f"gate_{t}"]), experts) for t in TASKS}


def adatt(p, features):
    x = encode(p["encoder"], features)
    first, second = p["experts_0"], p["experts_1"]
    single = "residual_0" not in p
    size = 1 if single else 2
    groups = [e // size for e in range(len(first["kernel_0"]))]  # a last, shared one
    below = expert_list(first, x)
    streams = []
    for g in range(max(groups) + 1):
        stream = weighted(softmax(x @ p["gates_0"]["kernel"][g]), below)
        for e, expert in enumerate(below):
            if groups[e] == g:
                stream = stream + (1.0 if single else p["residual_0"][e]) * expert
        streams.append(stream)
    outputs = [
        relu(streams[g] @ second["kernel_0"][e] + second["bias_0"][e])
        for e, g in enumerate(groups)
    ]
    hidden = {}
    for index, task in enumerate(TASKS):
        hidden[task] = gated(p[f"gate_{task}"], streams[index], outputs)
        own = [output for output, g in zip(outputs, groups, strict=True) if g == index]
        for n, output in enumerate(own):
            hidden[task] += (1.0 if single else p[f"own_{task}"][n]) * output
    return hidden


def home(p, features):
    x = encode(p["encoder"], features)
    several = "meta_mix_1" in p
    groups = [("click", "category"), ("stars",)] if several else [TASKS]

    def experts(name, x):
        q = p[name]["feature_gate"]
        shares = softmax(dense(q["mixer"], x))
        gates = [2 * sigmoid(x @ q["down"][r] @ q["up"][r]) for r in range(2)]
        return expert_list(p[name]["experts"], x * weighted(shares, gates))

    def mixture(name, x, everyone, own):
        logits = dense(p[name]["self_gate"].get("output", p[name]["self_gate"]), x)
        weights = sigmoid(logits) if len(own) == 1 else softmax(logits)
        return gated(p[name]["gate"], x, everyone) + weighted(weights, own)

    shared = experts("meta_shared_experts", x)
    ours = [experts(f"meta_experts_{c}", x) for c in range(len(groups))]
    metas = [
        mixture(f"meta_mix_{c}", x, shared + ours[c], ours[c])
        for c in range(len(groups))
    ]
    meta = mixture("meta_shared_mix", x, sum(ours, shared), shared)
    hidden, everyone = {}, experts("shared_experts", meta)
    for c, group in enumerate(groups):
        of_group = experts(f"group_experts_{c}", metas[c])
        for task in group:
            own = experts(f"experts_{task}", metas[c])
            read = np.concatenate([metas[c], meta], axis=1)
            hidden[task] = mixture(f"mix_{task}", read, everyone + of_group + own, own)
    return hidden


def metaheac(p, features):
    x = encode(p["encoder"], features)
    experts = expert_list(p["experts"], x)
    outputs = {}
    for task in TASKS:
        read = np.concatenate([np.tile(p[f"task_{task}"], (len(x), 1)), x], axis=1)
        mixed = gated(p["expert_gate"], read, experts)
        q = p["critics_3" if task == "category" else "critics_1"]
        opinions = [
            h @ q["kernel"][c] + q["bias"][c]
            for c, h in enumerate(
                relu(mixed @ q["mlps"]["kernel_0"][c] + q["mlps"]["bias_0"][c])
                for c in range(2)
            )
        ]
        y = gated(p["critic_gate"], read, opinions)
        outputs[task] = y if task == "category" else y[:, 0]
    return outputs


FORMULAS = {
    "ml_mmoe": ml_mmoe,
    "ml_mmoe_hidden_gate": ml_mmoe,
    "topk_mmoe": topk_mmoe,
    "dselect_k": dselect_k,
    "dselect_k_static": dselect_k,
    "adatt_sp": adatt,
    "adatt_sp_single": adatt,
    "adatt_gp": adatt,
    "home": home,
    "home_groups": home,
    "metaheac": metaheac,
}
