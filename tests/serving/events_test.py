"""A log of behaviour: rows that bring their history along, and tasks that foretell."""

import jax
import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from starlette.testclient import TestClient

from experiments.export import export
from experiments.finished import load_finished
from experiments.job import Job
from experiments.predict import predict
from mtlx.serving.app import make_app
from mtlx.serving.artifact import load_artifact
from mtlx.serving.live import live_scorer
from tests.data import movielens_files as films
from tests.serving.conftest import CONF, finish
from tests.serving.equal_test import configured

OVERRIDES = [
    "data=movielens_100k",
    "model=shared_bottom",
    "encoder.embedding_dim=4",
    "model.bottom_widths=[4]",
    "model.tower_widths=[]",
    "trainer.epochs=1",
    "trainer.batch_size=64",
]


def raw_rows():
    """All ratings in the order of time, each with its user's past, by a loop."""
    ratings = sorted(films.made_up_ratings(), key=lambda r: (r[3], r[0], r[1]))
    rows = []
    for user, film, _, time in ratings:
        age, gender, occupation = films.profile_of(user)
        genres = [films.small.GENRES[g] for g in films.genres_of(film)]
        before = [r for r in ratings if r[0] == user and r[3] < time]
        rows.append(
            {
                "user_id": user,
                "timestamp": time,
                "item_id": film,
                "genres": "|".join(genres),
                "release_year": films.year_of(film),
                "age_group": int(np.digitize(age, (18, 25, 35, 45, 50, 56))),
                "gender": gender,
                "occupation": occupation,
                "history_item_id": "|".join(str(r[1]) for r in before),
                "history_stars": "|".join(str(r[2]) for r in before),
            }
        )
    return rows


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a finished run, its parts and its variables."""
    root = tmp_path_factory.mktemp("events")
    with pytest.MonkeyPatch.context() as patch:
        raw = films.publish_100k(root / "raw", patch)
        patch.setenv("MTLX_DATA_DIR", str(raw))
        patch.setenv("MTLX_CACHE_DIR", str(root / "cache"))
        with initialize_config_dir(CONF, version_base="1.3"):
            cfg = compose("train", overrides=OVERRIDES)
        choices = {"model": "shared_bottom", "balancer": "equal", "data": "films"}
        parts, result = finish(Job(cfg, root / "seed=0", choices, (), None))
    return root / "seed=0", parts, result.variables


def test_ratings_see_the_film_and_interests_do_not(run, tmp_path):
    """Of the test's ratings: one answer in all ways, that of the data set's own rows,
    of which an event has two."""
    folder, parts, variables = run
    test, count = parts.dataset.test, films.RATINGS
    rows = raw_rows()
    outputs = parts.model.apply(variables, jax.device_put(test.features), train=False)
    judged, told = (np.asarray(test.where[t]) for t in ("rating", "interests"))
    events = np.arange(count)[-judged.sum() :]
    expected = {
        "rating": np.asarray(outputs["rating"])[judged],
        "interests": np.asarray(jax.nn.sigmoid(outputs["interests"]))[told],
    }
    # Interests count where there is a past, and genres.
    asked = [bool(rows[e]["history_item_id"] and rows[e]["genres"]) for e in events]
    assert 0 < sum(asked) == told.sum() < len(asked)
    pd.DataFrame(rows).to_csv(tmp_path / "rows.csv", index=False)
    artifact = export(configured("export", run=folder))
    for name, source in (("run", folder), ("artifact", artifact)):
        output = tmp_path / f"{name}.parquet"
        values = {name: source, "input": tmp_path / "rows.csv", "output": output}
        found = pd.read_parquet(predict(configured("predict", **values)))
        assert_close(found.iloc[events].to_dict("list"), expected, asked)
    body = {"rows": [rows[e] for e in events]}
    for scorer in (
        live_scorer(*load_finished(folder)[1:4], sizes=(32,)),
        load_artifact(artifact, (32,)).scorer,
    ):
        with TestClient(make_app(scorer)) as client:
            reply = client.post("/predict", json=body)
        assert reply.status_code == 200, reply.text
        found = reply.json()["rows"]
        columns = {name: [row[name] for row in found] for name in expected}
        assert_close(columns, expected, asked)


def assert_close(found, expected, asked):
    interests = np.array(list(found["interests"]), np.float64)[asked]
    for values, name in ((found["rating"], "rating"), (interests, "interests")):
        np.testing.assert_allclose(values, expected[name], atol=1e-5, rtol=0)
