"""A run, a file of it and a server of either give the same answers."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import jax
import numpy as np
import pandas as pd
import pyarrow.parquet as parquet
import pytest
from hydra import compose, initialize_config_dir

from experiments.export import export
from experiments.finished import load_finished
from experiments.predict import predict
from mtlx.data import DataError
from mtlx.serving.artifact import load_artifact
from mtlx.serving.live import live_scorer
from mtlx.serving.request import request_model, to_columns
from tests.serving.conftest import CONF

ROOT = Path(__file__).resolve().parents[2]
# Refuses the code that made the model, in the process that serves it.
WITHOUT_MODELS = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("flax", "orbax") or name.startswith(
            ("mtlx.models", "mtlx.train", "mtlx.compose")
        ):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Refuse())
from experiments import serve, startup
startup.quote_paths()
serve.main()
"""


def configured(name, **values):
    """Paths are set after composing, as they are no words of Hydra's grammar."""
    with initialize_config_dir(CONF, version_base="1.3"):
        cfg = compose(name, overrides=[])
    for key, value in values.items():
        cfg[key] = str(value) if isinstance(value, Path) else value
    return cfg


def assert_equal(answers, run, rows=slice(None)):
    assert list(answers) == list(run.answers)
    for task, expected in run.answers.items():
        np.testing.assert_allclose(answers[task], expected[rows], atol=1e-5, rtol=0)


@pytest.fixture(scope="module")
def artifact(run):
    return export(configured("export", run=run.folder, platforms=["cpu", "cuda"]))


def test_the_selected_epoch_is_restored(run):
    found = load_finished(run.folder)
    same = jax.tree.map(np.array_equal, found.variables, run.result.variables)
    assert jax.tree.all(same)
    assert found.origin["best_epoch"] == run.result.best_epoch


def test_a_run_without_its_signature_is_fitted_again(run, capsys):
    path = run.folder / "signature.json"
    before = path.read_text()
    path.unlink()
    load_finished(run.folder)
    assert "its preprocessing was not stored" in capsys.readouterr().out
    assert path.read_text() == before


def test_a_files_rows_are_scored(run, tmp_path):
    """In batches of 8, of which the last is filled up."""
    values = {"run": run.folder, "input": run.parquet, "batch_size": 8}
    output = predict(configured("predict", output=tmp_path / "out.parquet", **values))
    assert_equal(parquet.read_table(output).to_pydict(), run)
    with pytest.raises(DataError, match="expected an output of type"):
        predict(configured("predict", output=tmp_path / "out.json", **values))


def test_a_csv_gives_the_same(run, artifact, tmp_path):
    pd.DataFrame(run.rows).to_csv(tmp_path / "rows.csv", index=False)
    output = predict(
        configured("predict", artifact=artifact, input=tmp_path / "rows.csv")
    )
    assert output.name == "rows.predictions.csv"
    assert_equal(dict(pd.read_csv(output)), run)


def test_unknown_values_go_to_the_unknown_bucket(run):
    scorer = live_scorer(*load_finished(run.folder)[1:4], sizes=(1,))
    body = request_model(scorer.signature, 10)
    strange = run.rows[0] | {"sex": "?", "race": 17, "country_of_birth_self": ""}
    (row,) = body(rows=[strange]).rows
    features = scorer.signature.preprocessing.encode(
        to_columns(scorer.signature, [row])
    )
    names = scorer.signature.schema.names
    for name in ("sex", "race", "country_of_birth_self"):
        assert features["categorical"][0, names.index(name)] == 0
    assert all(np.isfinite(x).all() for x in scorer.score(features).values())


def test_batches_of_any_number_of_rows_compile_nothing_more(run, artifact):
    for scorer in (
        live_scorer(*load_finished(run.folder)[1:4], sizes=(2, 8)),
        load_artifact(artifact, (8, 2)).scorer,
    ):
        scorer.warm_up()
        assert scorer.run.func._cache_size() == 2
        for rows in (1, 2, 3, 8, 9, 19):
            part = {name: np.asarray(x)[:rows] for name, x in run.features.items()}
            assert_equal(scorer.score(part), run, slice(rows))
        assert scorer.run.func._cache_size() == 2


def test_the_artifact_says_what_it_is(run, artifact):
    facts = load_artifact(artifact, (8,)).facts
    assert facts["platforms"] == ["cpu", "cuda"]
    assert facts["inputs"]["categorical"] == {"shape": ["rows", 31], "dtype": "int32"}
    assert facts["raw_columns"]["age"] == "number"
    assert facts["origin"]["model"] == "mmoe"
    (artifact / "variables.npz").rename(artifact / "elsewhere.npz")
    with pytest.raises(DataError, match="found no file variables.npz"):
        load_artifact(artifact)
    (artifact / "elsewhere.npz").rename(artifact / "variables.npz")


def ask(port, path, body=None):
    """(status, answer) of a request to a server on this machine."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", data, {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_process_without_models_serves_the_artifact(run, artifact, tmp_path):
    """A real server; terminated, it ends by itself and in order."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [f"artifact={artifact}", f"port={port}", "sizes=[1,32]"]
    env = os.environ | {"PYTHONPATH": str(ROOT), "MTLX_CACHE_DIR": str(tmp_path)}
    env.pop("XLA_FLAGS", None)
    command = [sys.executable, "-c", WITHOUT_MODELS, *options]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            command, env=env, cwd=tmp_path, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        wait_for(port, server, tmp_path / "log")
        status, answer = ask(port, "/predict", {"rows": run.rows})
        assert status == 200
        columns = {t: [row[t] for row in answer["rows"]] for t in run.answers}
        assert_equal(columns, run)
        assert ask(port, "/health")[1]["status"] == "ok"
        assert ask(port, "/predict", {"rows": [{}]})[0] == 422
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=20) in (0, -signal.SIGTERM)
    finally:
        if server.poll() is None:
            server.kill()
            server.wait()
    assert "Application shutdown complete" in (tmp_path / "log").read_text()


def wait_for(port, server, log):
    for _ in range(600):
        assert server.poll() is None, log.read_text()
        try:
            ask(port, "/health")
            return
        except (ConnectionError, urllib.error.URLError):
            time.sleep(0.1)
    raise AssertionError(log.read_text())
