"""What `experiments.predict explain=true` leaves behind."""

import numpy as np
import pandas as pd
import pytest

from experiments.predict import predict
from mtlx.results.report import write_report
from tests.serving.conftest import ROWS
from tests.serving.equal_test import configured

SHOWN = 6


@pytest.fixture(scope="module")
def folder(run, tmp_path_factory):
    values = {"run": run.folder, "input": run.parquet, "explain_steps": 16}
    output = tmp_path_factory.mktemp("explained") / "rows.parquet"
    predict(
        configured("predict", output=output, explain=True, explain_rows=SHOWN, **values)
    )
    return run.folder / "explanation"


def test_attributions_of_the_first_rows(run, folder):
    table = pd.read_parquet(folder / "attributions.parquet")
    assert set(table["task"]) == set(run.answers)
    assert table["row"].max() == SHOWN - 1
    sums = table.groupby(["task", "row"]).agg(
        {"attribution": "sum", "output": "first", "baseline": "first"}
    )
    gap = sums["output"] - sums["baseline"] - sums["attribution"]
    assert gap.abs().max() < 0.05 * (sums["output"] - sums["baseline"]).abs().max()
    for task, answers in run.answers.items():
        logits = sums.loc[task]["output"].to_numpy()
        np.testing.assert_allclose(1 / (1 + np.exp(-logits)), answers[:SHOWN], 1e-4)


def test_gates_of_the_first_rows(run, folder):
    table = pd.read_parquet(folder / "gates.parquet")
    assert set(table["module"]) == {f"gate_{task}" for task in run.answers}
    assert len(table) == len(run.answers) * SHOWN * 2
    np.testing.assert_allclose(
        table.groupby(["module", "row"])["weight"].sum(), 1, 1e-5
    )
    assert not (folder / "attention.parquet").exists()


def test_the_report_shows_the_picture(run, folder):
    report = write_report(run.folder.parent)
    text = report.markdown.read_text()
    assert f"## Why it said so: {run.folder.name}" in text
    assert f"({run.folder.name}/explanation/attributions.png)" in text
    assert f"Integrated gradients of {SHOWN} rows of rows.parquet" in text
    assert "Why it said so" in report.html.read_text()
    assert ROWS > SHOWN


def test_an_artifact_explains_nothing(run, tmp_path):
    values = {"artifact": tmp_path, "input": run.parquet, "explain": True}
    with pytest.raises(ValueError, match="explain=true expected run="):
        predict(configured("predict", **values))
