"""Gate entropy, expert load and expert similarity against NumPy."""

import functools
import itertools

import jax
import numpy as np
import optax
import pytest

from mtlx import balancers, models, train
from mtlx.train.inspect import make_inspector
from mtlx.train.observers import Observer

ENCODER = functools.partial(models.FeatureEncoder, embedding_dim=2)
MIXTURE = {"num_experts": 3, "expert_widths": (4,), "tower_widths": (3,)}


def _inspect(cls, dataset, batch_size=32, change=lambda params: params, **fields):
    model = train.build_model(functools.partial(cls, **fields), ENCODER, dataset)
    features = jax.tree.map(jax.numpy.asarray, dataset.validation.features)
    variables = model.init(jax.random.key(0), features)
    params = jax.tree.map(np.array, variables["params"])
    change(params)
    rows = dataset.validation
    inspect = make_inspector(model, dataset.tasks, rows, batch_size)
    return inspect({"params": params}), model, params


def _encode(dataset, params):
    numbers = dataset.validation.features["numerical"]
    ids = dataset.validation.features["categorical"]
    table = params["encoder"]["embedding"]
    return np.concatenate([table[ids[:, 0]], table[5 + ids[:, 1]], numbers], axis=1)


@pytest.mark.parametrize("batch_size", [32, 70, 5000])
def test_the_numbers_are_those_of_the_formulas(dataset, batch_size):
    found, _, params = _inspect(models.MMoE, dataset, batch_size, **MIXTURE)
    x = _encode(dataset, params).astype(np.float64)
    assert len(x) == 96
    for task in ("click", "buy", "spend"):
        weights = np.exp(x @ params[f"gate_{task}"]["output"]["kernel"])
        weights /= weights.sum(axis=1, keepdims=True)
        entropy = np.mean(-np.sum(weights * np.log(weights), axis=1)) / np.log(3)
        assert found[task]["gate_entropy"] == pytest.approx(entropy, rel=1e-4)
        load = weights.mean(axis=0).max()
        assert found[task]["expert_load_max"] == pytest.approx(load, rel=1e-4)
    kernel, bias = params["experts"]["kernel_0"], params["experts"]["bias_0"]
    outputs = [np.maximum(x @ kernel[e] + bias[e], 0) for e in range(3)]
    flat = [(h - h.mean(axis=0)).ravel() for h in outputs]
    similar = np.mean(
        [a @ b / np.sqrt((a @ a) * (b @ b)) for a, b in itertools.combinations(flat, 2)]
    )
    assert found["all"] == {"expert_similarity": pytest.approx(similar, abs=1e-4)}


def test_the_extremes(dataset):
    def change(params):
        params["gate_click"]["output"]["kernel"][:] = 0
        params["gate_buy"]["output"]["kernel"][:] = 0
        params["gate_buy"]["output"]["kernel"][4:, 1] = 1e7  # the sign of one sum
        for leaf in params["experts"].values():
            for e in (1, 2):
                leaf[e] = (e + 1) * leaf[0]

    found, _, params = _inspect(models.MMoE, dataset, change=change, **MIXTURE)
    assert found["click"]["gate_entropy"] == pytest.approx(1.0)
    assert found["click"]["expert_load_max"] == pytest.approx(1 / 3)
    positive = _encode(dataset, params)[:, 4:].sum(axis=1) > 0
    load = [positive.mean(), (~positive).mean() / 2]
    assert found["buy"]["expert_load_max"] == pytest.approx(max(load), abs=1e-3)
    entropy = (~positive).mean() * np.log(2) / np.log(3)
    assert found["buy"]["gate_entropy"] == pytest.approx(entropy, abs=1e-3)
    assert found["all"]["expert_similarity"] == pytest.approx(1.0, abs=1e-5)


GATE = {"gate_entropy", "expert_load_max"}


@pytest.mark.parametrize(
    ("cls", "fields", "of_click", "of_all"),
    [
        (models.SharedBottom, {}, None, None),
        (models.MTAN, {}, None, None),
        (models.OMoE, MIXTURE, None, GATE | {"expert_similarity"}),
        (models.TopKMMoE, MIXTURE, GATE, {"expert_similarity"}),
        (
            models.CGC,
            {"num_shared_experts": 2},
            {f"level_0/{name}" for name in (*GATE, "expert_similarity")},
            {"level_0/shared_experts/expert_similarity"},
        ),
        (
            models.MLMMoE,
            MIXTURE | {"expert_widths": (4, 4), "gate_widths": (2,)},
            GATE,
            {f"gates_0/{name}" for name in GATE}
            | {f"experts_{level}/expert_similarity" for level in range(2)},
        ),
        (
            models.MetaHeac,
            {},
            None,
            {f"{kind}_gate/{name}" for kind in ("expert", "critic") for name in GATE}
            | {"expert_similarity", "critics_1/mlps/expert_similarity"},
        ),
        (models.TaskQueryAttention, {}, {f"query/{name}" for name in GATE}, ...),
    ],
)
def test_each_number_has_its_task_and_place(cls, fields, of_click, of_all, dataset):
    found, _, _ = _inspect(cls, dataset, **fields)
    assert found.get("click", {}).keys() == (of_click or set())
    assert of_all is ... or found.get("all", {}).keys() == (of_all or set())
    values = [v for scores in found.values() for v in scores.values()]
    assert all(-1 <= value <= 1 + 1e-5 for value in values)


class Keep(Observer):
    """Keeps what it is told of gates and experts: {(epoch, task, metric): value}."""

    def __init__(self):
        self.found = {}

    def on_epoch(self, epoch, rows):
        for row in rows:
            if row.metric in GATE | {"expert_similarity"}:
                assert row.split == "validation"
                self.found[epoch, row.task, row.metric] = row.value


def test_runs_write_them_down_alone_and_side_by_side(dataset):
    """Every epoch; of a split that batches of 70 rows do not divide."""
    model = train.build_model(
        functools.partial(models.MMoE, **MIXTURE), ENCODER, dataset
    )
    parts = (balancers.equal(), optax.adam(1e-2))
    options = {"epochs": 2, "batch_size": 64, "eval_batch_size": 70}
    alone, members = Keep(), [Keep(), Keep()]
    result = train.fit(model, dataset, *parts, seed=7, observers=[alone], **options)
    train.fit_population(
        lambda numbers: train.Recipe(model, *parts),
        dataset,
        seeds=[3, 7],
        member_observers=[[keep] for keep in members],
        **options,
    )
    tasks = ("click", "buy", "spend")
    places = {(epoch, t, name) for epoch in (1, 2) for t in tasks for name in GATE}
    places |= {(epoch, "all", "expert_similarity") for epoch in (1, 2)}
    assert alone.found.keys() == places
    assert members[1].found == pytest.approx(alone.found, rel=1e-3)
    assert members[0].found != pytest.approx(alone.found, rel=1e-3)
    assert "gate_entropy" not in result.validation["click"]
