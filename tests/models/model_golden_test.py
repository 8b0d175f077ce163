"""Every architecture against its formula, written out in NumPy, expert by expert."""

import jax
import numpy as np
import pytest

from mtlx import models
from tests.models import (
    formulas_attention,
    formulas_columns,
    formulas_domains,
    formulas_mixtures,
)
from tests.models.formulas_blocks import (
    EXPERTS,
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
    sigmoid,
    tower,
)
from tests.models.formulas_domains import WHOLE

COUNTS = {
    "single_task": 3 * (TABLE + affine(INPUTS, 5, 4)) + TOWERS,
    "shared_bottom": TABLE + affine(INPUTS, 5, 4) + TOWERS,
    "shared_private": (
        4 * (TABLE + affine(INPUTS, 5, 4)) + sum(affine(8, 3, out) for out in OUTPUTS)
    ),
    "omoe": TABLE + EXPERTS + INPUTS * 3 + TOWERS,
    "mmoe": TABLE + EXPERTS + 3 * INPUTS * 3 + TOWERS,
    "mmoe_hidden_gate": TABLE + EXPERTS + 3 * (affine(INPUTS, 2) + 2 * 3) + TOWERS,
    "cgc": TABLE + 7 * affine(INPUTS, 4) + 3 * INPUTS * 3 + TOWERS,
    "ple": (
        (TABLE + 7 * affine(INPUTS, 4) + 3 * INPUTS * 3 + INPUTS * 7)
        + (7 * affine(4, 4) + 3 * 4 * 3 + TOWERS)
    ),
    "ple_three_levels": (
        (TABLE + 7 * affine(INPUTS, 4) + 3 * INPUTS * 3 + INPUTS * 7)
        + (7 * affine(4, 4) + 3 * 4 * 3 + 4 * 7)
        + (7 * affine(4, 4) + 3 * 4 * 3 + TOWERS)
    ),
    "mtan": (
        (TABLE + affine(INPUTS, 5, 4) + TOWERS)
        + 3 * (affine(5, 2, 5) + affine(4 + 5, 2, 4))
    ),
}


def test_number_of_parameters(row, build, features):
    assert models.count_parameters(build(), features) == COUNTS[row.name]


def single_task(p, features):
    return {
        t: mlp(p[f"bottom_{t}"], encode(p[f"encoder_{t}"], features)) for t in TASKS
    }


def shared_bottom(p, features):
    return dict.fromkeys(TASKS, mlp(p["bottom"], encode(p["encoder"], features)))


def shared_private(p, features):
    shared, *own = (
        mlp(p[f"bottom_{part}"], encode(p[f"encoder_{part}"], features))
        for part in ("shared", *(f"task_{t}" for t in TASKS))
    )
    return {
        t: np.concatenate([shared, h], axis=1) for t, h in zip(TASKS, own, strict=True)
    }


def omoe(p, features):
    x = encode(p["encoder"], features)
    return dict.fromkeys(TASKS, gated(p["gate"], x, expert_list(p["experts"], x)))


def mmoe(p, features):
    x = encode(p["encoder"], features)
    return {t: gated(p[f"gate_{t}"], x, expert_list(p["experts"], x)) for t in TASKS}


def ple(p, features):
    x = encode(p["encoder"], features)
    inputs, shared_input = dict.fromkeys(TASKS, x), x
    for level in range(sum(name.startswith("level") for name in p)):
        q = p[f"level_{level}"]
        own = {t: expert_list(q[f"experts_{t}"], inputs[t]) for t in TASKS}
        shared = expert_list(q["shared_experts"], shared_input)
        if "shared_gate" in q:
            everyone = own["click"] + own["stars"] + own["category"] + shared
            shared_input = gated(q["shared_gate"], shared_input, everyone)
        inputs = {t: gated(q[f"gate_{t}"], inputs[t], own[t] + shared) for t in TASKS}
    return inputs


def mtan(p, features):
    x = encode(p["encoder"], features)
    h1 = mlp(p["trunk_0"], x)
    h2 = mlp(p["trunk_1"], h1)

    def attend(q):
        def mask(index, x):
            return sigmoid(dense(q[f"mask_{index}"], mlp(q[f"mlp_{index}"], x)))

        a1 = mask(0, h1) * h1
        return mask(1, np.concatenate([h2, a1], axis=1)) * h2

    return {t: attend(p[f"attention_{t}"]) for t in TASKS}


FORMULAS = {
    "single_task": single_task,
    "shared_bottom": shared_bottom,
    "shared_private": shared_private,
    "omoe": omoe,
    "mmoe": mmoe,
    "mmoe_hidden_gate": mmoe,
    "cgc": ple,
    "ple": ple,
    "ple_three_levels": ple,
    "mtan": mtan,
}
for family in (
    formulas_mixtures,
    formulas_columns,
    formulas_attention,
    formulas_domains,
):
    COUNTS |= family.COUNTS
    FORMULAS |= family.FORMULAS


@pytest.mark.parametrize("seed", [0, 1])
def test_outputs_are_those_of_the_formula(row, build, features, randomize, seed):
    model = build()
    shapes = jax.eval_shape(model.init, jax.random.key(0), features)
    variables = randomize(shapes, seed)
    params = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), variables)[
        "params"
    ]
    hidden = FORMULAS[row.name](params, features)
    found = model.apply(variables, features)
    assert list(found) == list(TASKS)
    for task in TASKS:
        expected = hidden[task]
        if f"tower_{task}" in params and row.name not in WHOLE:
            expected = tower(params[f"tower_{task}"], expected)
        np.testing.assert_allclose(found[task], expected, rtol=2e-4, atol=2e-5)
