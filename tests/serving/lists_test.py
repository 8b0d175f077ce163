"""Lists of items for users: one in all ways of asking, and what sorting all gives."""

import json

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from starlette.testclient import TestClient

from experiments.export import export
from experiments.finished import load_finished
from experiments.predict import predict
from experiments.scorers import load_recommender, load_scorer
from mtlx.data import DataError
from mtlx.serving.app import make_app
from mtlx.serving.artifact import load_artifact
from mtlx.serving.lists import list_state, make_lists, query_signature
from tests.serving.equal_test import configured
from tests.serving.films_run import train_films

TOP, MAX_SEEN = 5, 4
LISTS = {"top": TOP, "max_seen": MAX_SEEN}


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        yield train_films(tmp_path_factory.mktemp("films"), patch)


@pytest.fixture(scope="module")
def asked(films):
    """Queries as raw rows: users, and what they have seen."""
    users = films.names("user_id")
    items = films.parts.dataset.preprocessing.vocabulary("item_id").values
    draw = np.random.default_rng(0)
    seen = [draw.choice(items, n % (MAX_SEEN + 1), False) for n in range(len(users))]
    return [
        {"user_id": user, "seen": "|".join(known)}
        for user, known in zip(users, seen, strict=True)
    ]


@pytest.fixture(scope="module")
def expected(films, asked):
    """{user's row: (names, scores)}: all items sorted, by NumPy."""
    dataset = films.parts.dataset
    queries = films.outputs(dataset.test.features)["next_item"][:, 0]
    catalogue = dataset.catalogues["next_item"]
    vectors = films.outputs(catalogue.features)["next_item"][:, 1]
    scores = np.asarray(queries, np.float64) @ np.asarray(vectors, np.float64).T
    names = np.array(["", *dataset.preprocessing.vocabulary("item_id").values])
    scores[:, ~catalogue.offered] = -np.inf
    for row, query in zip(scores, asked, strict=True):
        row[np.isin(names, query["seen"].split("|"))] = -np.inf
    order = np.argsort(-scores, axis=1, kind="stable")[:, :TOP]
    return names[order], np.take_along_axis(scores, order, axis=1)


def assert_lists(names, scores, expected):
    np.testing.assert_array_equal(np.array(names), expected[0])
    np.testing.assert_allclose(np.array(scores), expected[1], atol=1e-5, rtol=0)


def test_lists_from_a_file_an_artifact_and_a_server(films, asked, expected, tmp_path):
    pd.DataFrame(asked).to_csv(tmp_path / "users.csv", index=False)
    source = {"input": tmp_path / "users.csv", "output": tmp_path / "lists.parquet"}
    table = pd.read_parquet(
        predict(configured("predict", run=films.folder, **source, **LISTS))
    )
    found = (table["next_item"].tolist(), table["next_item_score"].tolist())
    assert_lists(*found, expected)
    folder = export(configured("export", run=films.folder, **LISTS))
    facts = json.loads((folder / "artifact.json").read_text())
    assert facts["raw_columns"] == {"user_id": "text", "seen": "text"}
    recommender = load_recommender(
        configured("serve", run=films.folder, **LISTS), (64,)
    )
    for each in (recommender, load_artifact(folder, (64,)).scorer):
        with TestClient(make_app(None, recommender=each)) as client:
            reply = client.post("/recommend", json={"rows": asked})
            assert client.post("/predict", json={"rows": asked}).status_code == 404
        assert reply.status_code == 200, reply.text
        rows = reply.json()["rows"]
        found = ([row["next_item"] for row in rows],)
        found += ([row["next_item_score"] for row in rows],)
        assert_lists(*found, expected)


def test_rows_with_an_item_are_scored_beside(films):
    """Ratings, and how well the film suits; both routes of one server."""
    rows = [
        {"user_id": user, "item_id": item}
        for user, item in zip(
            films.names("user_id"), films.names("item_id"), strict=True
        )
    ]
    outputs = films.outputs(films.parts.dataset.test.features)
    pair = np.asarray(outputs["next_item"])
    cfg = configured("serve", run=films.folder, top=2)
    app = make_app(load_scorer(cfg, (64,)), recommender=load_recommender(cfg, (64,)))
    with TestClient(app) as client:
        answers = client.post("/predict", json={"rows": rows}).json()["rows"]
        lists = client.post("/recommend", json={"rows": rows}).json()["rows"]
        tasks = client.get("/health").json()["tasks"]
        described = client.get("/openapi.json").json()["paths"]
    assert set(described) == {"/health", "/predict", "/recommend"}
    assert tasks == {"rating": "regression", "next_item": "retrieval"}
    assert {len(row["next_item"]) for row in lists} == {2}
    for name, value in (
        ("rating", outputs["rating"]),
        ("next_item", (pair[:, 0] * pair[:, 1]).sum(axis=1)),
    ):
        found = [row[name] for row in answers]
        np.testing.assert_allclose(found, value, atol=1e-5, rtol=0)


def test_lists_end_where_no_item_is_left(films):
    items = films.parts.dataset.preprocessing.vocabulary("item_id").values
    cfg = configured("predict", run=films.folder, top=len(items) + 2, max_seen=20)
    recommender = load_recommender(cfg, (1,))
    columns = recommender.signature.preprocessing
    assert list(columns.kinds) == ["user_id", "seen"]
    known = sorted(items)[3:]
    row = {"user_id": np.array(["1"]), "seen": np.array(["|".join(known)])}
    (answer,) = recommender.rows(row)
    assert sorted(answer["next_item"]) == sorted(items)[:3]
    assert len(answer["next_item_score"]) == 3
    row["seen"] = np.array(["|".join([*known, *known])])
    with pytest.raises(DataError, match="row 0: expected at most 20 items"):
        recommender.rows(row)


def test_a_model_that_scores_all_items_at_once(films):
    """Its outputs are [B, I], as those of a softmax over the catalogue."""
    logits = np.random.default_rng(0).normal(size=(3, 6)).astype(np.float32)

    class Softmax:
        def apply(self, variables, features, train):
            return {"next_item": jnp.asarray(logits) + variables}

    signature = query_signature(load_finished(films.folder).signature, 2)
    offered = np.array([False, True, True, True, False, True])
    lists = make_lists(Softmax(), signature, 4)
    seen = np.array([[1, -1], [2, 3], [-1, -1]])[..., None]
    answers = lists(list_state(1.0, {}, offered), {"seen": seen})
    for row, left_out in enumerate(([0, 4, 1], [0, 4, 2, 3], [0, 4])):
        left = np.setdiff1d(np.arange(6), left_out)
        best = left[np.argsort(-logits[row, left])]
        items = np.asarray(answers["next_item"][row])
        np.testing.assert_array_equal(items, [*best, *[-1] * (4 - len(best))])
        scores = np.asarray(answers["next_item_score"][row])[: len(best)]
        np.testing.assert_allclose(scores, logits[row, best] + 1, rtol=1e-6)


@pytest.mark.parametrize(
    "values, message",
    [
        ({"top": 0}, "lists of 1 item or more, found top=0"),
        ({"top": 3, "max_seen": -1}, "max_seen >= 0"),
    ],
)
def test_lists_that_cannot_be(films, values, message):
    with pytest.raises(ValueError, match=message):
        load_recommender(configured("predict", run=films.folder, **values), (1,))


def test_a_run_without_a_retrieval_task_has_no_lists(run):
    with pytest.raises(ValueError, match=r"retrieves items.*income \(binary\)"):
        load_recommender(configured("predict", run=run.folder, top=3), (1,))
