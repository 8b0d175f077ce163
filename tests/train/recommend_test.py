"""Lists of a trained model, their description, and a run's folder read again."""

import functools
import json

import jax
import numpy as np
import optax
import pytest

from experiments import recommend as command
from mtlx import balancers, compose, models, train
from mtlx import recommendation_metrics as beyond
from mtlx.models import recommendation as rec
from mtlx.ranking_slices import activity_slices, by_slice
from mtlx.train.recommend import describe, recommend
from tests.retrieval.rows import ITEMS, make_dataset

K = 4
CASES = {
    rec.TwoTower: {"query_widths": (6,), "item_widths": (6,)},
    rec.CatalogueSoftmax: {
        "query": ("user", "history"),
        "item": ("item",),
        "query_widths": (4,),
    },
}


def build(cls, dataset):
    encoder = functools.partial(models.FeatureEncoder, embedding_dim=4)
    return train.build_model(functools.partial(cls, **CASES[cls]), encoder, dataset)


@pytest.mark.parametrize("cls", CASES)
def test_lists_are_the_head_of_the_catalogue_sorted_for_each_row(cls):
    dataset = make_dataset(seen=True)
    model, catalogue = build(cls, dataset), dataset.catalogues["buy"]
    device = jax.tree.map(jax.numpy.asarray, dict(dataset.test.features))
    variables = model.init(jax.random.key(0), device)
    found = recommend(model, variables, dataset, dataset.test, "buy", K, batch_size=31)
    out = model.apply(variables, device)["buy"]
    if out.ndim == 3:
        rows = jax.tree.map(jax.numpy.asarray, dict(catalogue.features))
        out = out[:, 0] @ model.apply(variables, rows)["buy"][:, 1].T
    scores = np.array(out)
    scores[:, 0] = -np.inf
    for row, group in enumerate(dataset.test.groups):
        own = catalogue.seen[group]
        scores[row, own[own >= 0]] = -np.inf
    expected = np.sort(scores, axis=1)[:, ::-1][:, :K]
    np.testing.assert_allclose(found.scores, expected, rtol=1e-4, atol=1e-6)
    at = np.take_along_axis(scores, found.items, axis=1)
    np.testing.assert_allclose(at, expected, rtol=1e-4, atol=1e-6)


def test_the_description_is_of_these_lists_and_ranks():
    dataset = make_dataset()
    model = build(rec.TwoTower, dataset)
    result = train.fit(
        model, dataset, balancers.equal(), optax.adam(0.1), epochs=2, batch_size=64
    )
    found = describe(model, result.variables, dataset, "buy", 5, "user")
    where = dataset.test.where["buy"]
    lists = recommend(model, result.variables, dataset, dataset.test, "buy", 5)
    lists, counts = lists.items[where], dataset.catalogues["buy"].counts
    about = found["lists"]
    assert about["coverage"] == len(np.unique(lists)) / (ITEMS + 1)
    assert about["average_popularity"] == pytest.approx(counts[lists].mean())
    assert about["novelty"] == pytest.approx(beyond.novelty(lists, counts))
    assert about["gini"] == pytest.approx(beyond.gini(lists, ITEMS + 1))
    assert 0 < about["diversity"] < 2
    slices = found["slices"]
    assert slices["all"]["rows"] == where.sum()
    whole = slices["all"]["accuracy@5"]
    assert whole == pytest.approx(result.test["buy"]["accuracy@5"])
    hits = np.isin(dataset.test.labels["buy"][where], lists) & (
        lists == dataset.test.labels["buy"][where][:, None]
    ).any(axis=1)
    assert whole == pytest.approx(hits.mean())
    for side in ("user", "item"):
        own = [v for name, v in slices.items() if name.split("_decile")[0] == side]
        own += [slices[f"new_{side}"]] if f"new_{side}" in slices else []
        assert sum(v["rows"] for v in own) == where.sum()
        hits = sum(v["rows"] * v["accuracy@5"] for v in own)
        assert hits / where.sum() == pytest.approx(whole)


def test_slices_are_tenths_by_activity_and_the_new_apart():
    activity = np.append(np.zeros(7, int), np.arange(1, 101))
    slices = activity_slices(np.random.default_rng(0).permutation(activity), "user")
    sizes = {name: rows.sum() for name, rows in slices.items()}
    deciles = {f"user_decile_{n}": 10 for n in range(1, 11)}
    assert sizes == {"new_user": 7} | deciles
    same = activity_slices(np.array([3, 3, 3, 9]), "item")
    assert [rows.tolist() for rows in same.values()] == [
        [True, True, True, False],
        [False, False, False, True],
    ]
    assert list(activity_slices(np.zeros(2), "user")) == ["new_user"]
    assert sum(activity_slices(np.arange(50), "x").values()).tolist() == [1] * 50


def test_a_slice_of_a_diverged_model_is_nan():
    found = by_slice(np.array([1.0, np.nan, 4.0]), {"a": np.array([1, 0, 1]) > 0}, 2)
    assert found == {"a": {"rows": 2, "accuracy@2": 0.5, "mrr": 0.625}}
    found = by_slice(np.array([1.0, np.nan]), {"a": np.ones(2, bool)}, 2)
    assert np.isnan([found["a"]["accuracy@2"], found["a"]["mrr"]]).all()


def test_a_runs_folder_is_described(tmp_path, monkeypatch, capsys):
    dataset = make_dataset()
    model, folder = build(rec.TwoTower, dataset), tmp_path / "run"
    fit = functools.partial(train.fit, epochs=1, batch_size=64)
    balancer, optimizer = balancers.equal(), optax.adam(0.1)
    checkpointer = train.Checkpointer(folder / "checkpoint")
    result = fit(model, dataset, balancer, optimizer, checkpointer=checkpointer)
    parts = compose.Parts(dataset, model, balancer, optimizer, fit, None)
    monkeypatch.setattr(command.compose, "build", lambda cfg: parts)
    assert command.main([str(folder)]) == 1
    assert "config.yaml" in capsys.readouterr().err
    (folder / "config.yaml").write_text("seed: 0\n")
    assert command.main([str(folder), "--user", "user", "--items", "--k", "5"]) == 0
    found = json.loads((folder / "recommendation.json").read_text())
    expected = describe(model, result.variables, dataset, "buy", 5, "user")
    assert found == expected
    lists = np.loadtxt(folder / "items.csv", delimiter=",", dtype=int)
    assert lists.shape == (48, 5)
    assert command.main([str(folder), "--task", "rating"]) == 1
    assert "retrieval task rating, found ['buy']" in capsys.readouterr().err
