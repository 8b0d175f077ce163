"""A user's own table with every kind of input: one answer in all ways of asking."""

import json

import jax
import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from starlette.testclient import TestClient

from experiments.export import export
from experiments.finished import load_finished
from experiments.job import Job
from experiments.predict import predict
from experiments.signature import signature_of
from mtlx import data
from mtlx.data import DataError
from mtlx.data.preprocessing import Preprocessing
from mtlx.data.tabular import AtRandom
from mtlx.serving.answers import make_answer
from mtlx.serving.app import make_app
from mtlx.serving.artifact import load_artifact
from mtlx.serving.live import live_scorer
from mtlx.serving.request import request_model, to_columns
from tests.serving.conftest import CONF, finish
from tests.serving.equal_test import configured
from tests.serving.shop_table import (
    INPUTS,
    MISSING,
    ROWS,
    TASKS,
    cells,
    write_csv,
    write_parquet,
)


def load(path, **options):
    options = {"split": AtRandom(0.2, 0.2), "leakage": "off"} | options
    return data.table(path, INPUTS, TASKS, missing=MISSING, **options)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The columns, and files of them."""
    folder, columns = tmp_path_factory.mktemp("shop"), cells()
    files = {
        "parquet": write_parquet(folder / "log.parquet", columns),
        "csv": write_csv(folder / "log.csv", columns),
    }
    return columns, files


@pytest.fixture(scope="module")
def dataset(shop):
    return load(shop[1]["parquet"])


@pytest.fixture(scope="module")
def numbers(dataset):
    """The rows of the test split, in the order of the file."""
    order = np.random.default_rng(0).permutation(ROWS)
    return np.sort(order[-len(dataset.test.labels["click"]) :])


def as_json(columns, rows):
    """The rows of a request: what the inputs need, and labels, which are ignored."""
    return [{name: column[row] for name, column in columns.items()} for row in rows]


def assert_same(found, expected):
    assert list(found) == list(expected)
    for name, column in expected.items():
        assert found[name].dtype == column.dtype
        np.testing.assert_array_equal(found[name], column, err_msg=name)


def test_rows_from_files_and_requests_are_encoded_as_the_tables_own(
    shop, dataset, numbers
):
    columns, files = shop
    stored = json.loads(json.dumps(dataset.preprocessing.record()))
    again = Preprocessing.restore(stored)
    for path in files.values():
        encoded = again.encode(again.read(path))
        assert_same({k: x[numbers] for k, x in encoded.items()}, dataset.test.features)
    table = again.table.of_values(columns, again.tabular.declared)
    encoded = again.encode(table)
    assert_same({k: x[numbers] for k, x in encoded.items()}, dataset.test.features)
    assert again.tabular.schema == dataset.schema


def test_what_the_columns_hold(dataset):
    assert dataset.preprocessing.kinds == {
        **dict.fromkeys(("user", "friend", "brand", "code"), "text?"),
        **dict.fromkeys(("tags", "seen"), "list"),
        "price": "number?",
        "age": "number",
        "weight": "number",
        "size": "number?",
        "time": "time",
        "day": "time",
        "title": "text?",
    }


def test_a_table_that_is_fed_from_disk_can_be_served_too(shop, dataset, tmp_path):
    for _ in range(2):  # the second time from the cache
        fed = load(shop[1]["csv"], blocks=True, cache_dir=tmp_path)
        read = fed.preprocessing.read(shop[1]["parquet"])
        expected = dataset.preprocessing.encode(read)
        assert_same(fed.preprocessing.encode(read), expected)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"age": None}, "expected a column 'age', found .*rename the column"),
        ({"age": ["x"] * ROWS}, "row 1, column 'age': expected a number"),
        ({"price": [1.0, "much"] * (ROWS // 2)}, "row 2, column 'price': expected"),
        ({"time": ["yesterday"] * ROWS}, "row 1, column 'time': expected a time"),
        ({name: [] for name in INPUTS}, "expected rows, found none"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(shop, dataset, tmp_path, change, message):
    columns = {name: cell for name, cell in shop[0].items() if name in INPUTS}
    columns |= change
    columns = {
        name: [c if isinstance(c, list) or c is None else str(c) for c in column]
        if name in change
        else column
        for name, column in columns.items()
        if column is not None
    }
    path = write_parquet(tmp_path / "rows.parquet", columns)
    with pytest.raises(DataError, match=f"rows.parquet.*{message}"):
        dataset.preprocessing.read(path)
    with pytest.raises(DataError, match="found no file"):
        dataset.preprocessing.read(tmp_path / "absent.csv")


@pytest.fixture(scope="module")
def run(shop, dataset, tmp_path_factory):
    """A finished run on the table: its folder, and the model's own answers."""
    with initialize_config_dir(CONF, version_base="1.3"):
        cfg = compose("train", ["model=shared_bottom", "trainer.batch_size=36"])
    cfg.trainer.epochs = 1
    declared = {
        name: vars(each) | {"_target_": f"mtlx.data.inputs.{type(each).__name__}"}
        for name, each in INPUTS.items()
    }
    tasks = [
        {"_target_": "mtlx.tasks.Task", "name": t.name, "kind": t.kind}
        | {"label": t.label, "num_classes": t.num_classes}
        for t in TASKS
    ]
    split = {"_target_": "mtlx.data.tabular.AtRandom", "validation": 0.2, "test": 0.2}
    cfg.data = OmegaConf.create(
        {
            "_target_": "mtlx.data.table",
            "files": str(shop[1]["parquet"]),
            "inputs": declared,
            "tasks": tasks,
            "split": split,
            "missing": list(MISSING),
            "leakage": "off",
        }
    )
    folder = tmp_path_factory.mktemp("runs") / "seed=0"
    choices = {"model": "shared_bottom", "balancer": "equal", "data": "table"}
    parts, result = finish(Job(cfg, folder, choices, (), None))
    answer = make_answer(parts.model, signature_of(parts.dataset))
    answers = answer(result.variables, jax.device_put(dataset.test.features))
    return folder, {name: np.asarray(value) for name, value in answers.items()}


def assert_close(answers, expected):
    assert set(answers) == set(expected)
    for name, value in expected.items():
        found = np.array(list(answers[name]), np.float64)
        np.testing.assert_allclose(found, value, atol=1e-5, rtol=0, err_msg=name)


def test_predict_export_and_serve_agree(run, shop, numbers, tmp_path):
    folder, expected = run
    columns, files = shop
    artifact = export(configured("export", run=folder))
    asked = {
        "run": configured("predict", run=folder, input=files["csv"]),
        "artifact": configured("predict", artifact=artifact, input=files["parquet"]),
    }
    for name, cfg in asked.items():
        cfg.output = str(tmp_path / f"{name}.parquet")
        table = pd.read_parquet(predict(cfg)).iloc[numbers]
        assert_close(table, expected)
    for scorer in (
        live_scorer(*load_finished(folder)[1:4], sizes=(32,)),
        load_artifact(artifact, (32,)).scorer,
    ):
        with TestClient(make_app(scorer)) as client:
            body = {"rows": as_json(columns, numbers)}
            reply = client.post("/predict", json=body)
        assert reply.status_code == 200, reply.text
        rows = reply.json()["rows"]
        assert_close({name: [row[name] for row in rows] for name in expected}, expected)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"user": 1.5}, "expected text or a whole number, found 1.5"),
        ({"tags": [["p"]]}, "expected text or a whole number, found"),
        ({"price": "dear"}, "valid number"),
        ({"age": None}, "valid number"),
        ({"time": 20240501}, "a day or a number; write a day as text"),
    ],
)
def test_a_cell_of_a_request_is_refused_by_name(shop, dataset, change, message):
    (row,) = as_json(shop[0], [1])
    body = request_model(signature_of(dataset), 10)
    with pytest.raises(ValueError, match=f"{next(iter(change))}.*\n.*{message}"):
        body(rows=[row | change])


def test_requests_may_leave_cells_empty_and_write_lists_as_text(shop, dataset):
    (row,) = as_json(shop[0], [4])
    signature = signature_of(dataset)
    body = request_model(signature, 10)
    asked = [
        row,
        row | {"tags": "p | q|p", "seen": [3, "NA", 4], "time": "1714500000"},
        row | dict.fromkeys(("user", "brand", "tags", "seen", "price", "title")),
    ]
    encoded = dataset.preprocessing.encode(to_columns(signature, body(rows=asked).rows))
    vocabulary = dataset.preprocessing.tabular.vocabularies
    np.testing.assert_array_equal(
        encoded["tags"][1][:2], [vocabulary["tags"].id("p"), vocabulary["tags"].id("q")]
    )
    ids = [vocabulary["user"].id("3"), vocabulary["user"].id("4"), -1, -1]
    np.testing.assert_array_equal(encoded["seen"][1][:, 0], ids)
    for field in ("tags", "seen", "title"):
        assert (encoded[field][2] == -1).all()
    with pytest.raises(DataError, match="row 0, column 'age': expected a number of 0"):
        to_columns(signature, body(rows=[row | {"age": -2}]).rows)
