"""What the commands after training refuse, and how they take their arguments."""

import json
import sys

import numpy as np
import pytest
from omegaconf import OmegaConf

from experiments.finished import load_finished
from experiments.refusals import told
from experiments.scorers import load_scorer
from experiments.serve import serve
from experiments.signature import SIGNATURE, store_signature
from experiments.startup import quote_paths
from mtlx.data.dataset import Dataset
from mtlx.data.inputs import Encoded, Fitted
from mtlx.data.preprocessing import Preprocessing
from mtlx.data.signature import Signature
from mtlx.data.tabular_features import TabularFeatures
from mtlx.serving.artifact import load_artifact, write_artifact
from mtlx.tasks import Task
from mtlx.types import Batch, Schema

SIGNED = Signature("made_up", (), Schema(), Preprocessing())


def no_answer(variables, features):
    return {}


class Foreign:
    def fit(self, name, column, vocabulary):
        return Fitted(lambda column: Encoded(numbers={name: column}), numbers=(name,))


def dataset(preprocessing):
    rows = Batch({"numerical": np.zeros((2, 1), np.float32)}, {}, {})
    tasks = (Task("y", "binary"),)
    schema = Schema(numericals=1)
    return Dataset(
        "made_up", tasks, schema, rows, rows, rows, preprocessing=preprocessing
    )


def test_a_folder_that_is_no_finished_run_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="Expected the folder of a finished"):
        load_finished(tmp_path)
    (tmp_path / "config.yaml").write_text("")
    (tmp_path / "result.json").write_text(json.dumps({"best_epoch": 0}))
    with pytest.raises(ValueError, match="whose first epoch diverged"):
        load_finished(tmp_path)


@pytest.mark.parametrize("named", [{}, {"run": "a", "artifact": "b"}])
def test_one_of_run_and_artifact_is_named(named):
    cfg = OmegaConf.create({"run": None, "artifact": None} | named)
    with pytest.raises(ValueError, match="Expected either run="):
        load_scorer(cfg, (8,))


def test_data_without_raw_columns_leave_no_signature(tmp_path):
    assert store_signature(tmp_path, dataset(None)) is None
    assert not list(tmp_path.iterdir())


def test_a_run_on_an_input_that_cannot_be_stored_says_so(tmp_path):
    columns = {"age": np.array([1.0, 2.0])}
    features = TabularFeatures.fit(columns, (), (), inputs={"age": Foreign()})
    told = store_signature(tmp_path, dataset(Preprocessing(features)))
    assert told.startswith("cannot be served: Input 'age'")
    assert not (tmp_path / SIGNATURE).exists()


def test_paths_need_no_quotes(monkeypatch):
    given = ["run=runs/a=b,c=d/e", "input='x y'", "sizes=[1,2]", "artifact=null"]
    monkeypatch.setattr(sys, "argv", ["predict", *given, "output=it's.csv"])
    quote_paths()
    assert sys.argv == [
        "predict",
        "run='runs/a=b,c=d/e'",
        *given[1:],
        "output='it\\'s.csv'",
    ]


def test_a_refusal_is_one_text_and_status_1(capsys):
    def refuse(cfg):
        raise FileNotFoundError(f"Expected more, found {cfg}.")

    with pytest.raises(SystemExit) as end:
        told(refuse)("nothing")
    assert end.value.code == 1
    assert capsys.readouterr().err == "error: Expected more, found nothing.\n"


def test_extras_that_are_missing_are_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ValueError, match=r"no package uvicorn\..*mtlx\[serve\]"):
        serve(OmegaConf.create({}))
    monkeypatch.setitem(sys.modules, "flatbuffers", None)
    with pytest.raises(ValueError, match=r"found none.*mtlx\[export\]"):
        write_artifact(tmp_path, SIGNED, no_answer, {})


def test_an_artifact_that_is_none_is_refused(tmp_path):
    with pytest.raises(ValueError, match="found no file model.stablehlo"):
        load_artifact(tmp_path)
    with pytest.raises(ValueError, match="Expected platforms from"):
        write_artifact(tmp_path, SIGNED, no_answer, {}, platforms=("abacus",))
    for name in ("model.stablehlo", "variables.npz", "artifact.json"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(ValueError, match="found a damaged one"):
        load_artifact(tmp_path)
