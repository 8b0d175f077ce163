import json
import math

import pytest

from mtlx.results.store import load_study

DATA = "census_income_sample"


def test_reads_every_figure_of_every_run(filled):
    study = load_study(filled.path)
    assert len(study.records) == len(study.costs) == 18
    assert len(study.runs) == 18 * 8 * 2  # runs x metrics x splits
    record = json.loads(
        (filled.path / DATA / "ple" / "pcgrad" / "2" / "result.json").read_text()
    )
    row = study.runs.query(
        "model == 'ple' and balancer == 'pcgrad' and seed == 2 and split == 'test' "
        "and task == 'age' and metric == 'mae'"
    )
    assert row["value"].item() == record["test"]["age"]["mae"]
    assert study.tasks == {
        DATA: {
            "income": ("auc", "log_loss", "accuracy"),
            "married": ("auc", "log_loss", "accuracy"),
            "age": ("rmse", "mae"),
        }
    }


def test_reads_the_curves(filled):
    curves = load_study(filled.path).curves
    at = curves.query("model == 'mmoe' and seed == 1 and epoch == 2 and task == 'age'")
    assert sorted(at.query("balancer == 'pcgrad'")["metric"]) == [
        *("loss", "mae", "rmse", "weight")
    ]
    assert set(at["step"]) == {100}
    assert at.query("metric == 'loss'")["value"].tolist() == [0.25, 0.25]


def test_runs_lie_at_any_depth_and_in_natural_order(factory):
    for seed, folder in enumerate(["2", "10", "a/b/c/1"]):
        factory.run(seed=seed, folder=folder)
    (factory.path / "multirun.yaml").write_text("")
    (factory.path / "a" / "multirun.yaml").write_text("")
    study = load_study(factory.path)
    assert list(study.records) == ["2", "10", "a/b/c/1"]
    assert study.unfinished == []


def test_a_run_folder_is_a_study_of_one(factory):
    study = load_study(factory.run())
    assert list(study.records) == ["."]
    assert len(study.costs) == 1


def test_unfinished_runs_are_listed(factory):
    factory.run(folder="sweep/0")
    factory.unfinished("sweep/1")
    factory.unfinished("sweep/2/checkpoints/..").joinpath("checkpoints/7").mkdir(
        parents=True
    )
    (factory.path / "sweep" / "3").mkdir()
    study = load_study(factory.path)
    assert [run.as_posix() for run in study.unfinished] == [
        *("sweep/1", "sweep/2", "sweep/3")
    ]
    assert len(study.records) == 1


def test_folders_inside_a_finished_run_are_no_runs(factory):
    folder = factory.run()
    (folder / "checkpoints" / "3").mkdir(parents=True)
    (folder / ".hydra").mkdir()
    assert load_study(factory.path).unfinished == []


def test_an_earlier_report_is_no_run(filled):
    before = load_study(filled.path)
    for name in ("results.md", "report.html", "delta_m.png"):
        (filled.path / name).write_text("")
    after = load_study(filled.path)
    assert after.unfinished == before.unfinished == []
    assert list(after.records) == list(before.records)


def test_null_and_nan_are_nan(factory):
    factory.run(test={"income": {"auc": None}, "married": {"auc": math.nan}})
    runs = load_study(factory.path).runs.query("metric == 'auc' and split == 'test'")
    assert runs["value"].isna().all()


def test_no_folder(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"Expected a folder.*experiments\.train"
    ):
        load_study(tmp_path / "nowhere")


def test_no_finished_run(factory):
    factory.unfinished("0")
    with pytest.raises(ValueError, match="found none; 1 unfinished.*study=compare"):
        load_study(factory.path)


def damage(file, change):
    record = json.loads(file.read_text())
    change(record)
    file.write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.pop("test"), r"expected the keys \['test'\]"),
        (lambda r: r["test"].pop("age"), "expected test.age.rmse"),
        (lambda r: r["validation"]["age"].pop("mae"), "expected validation.age.mae"),
        (lambda r: r["tasks"]["age"].update(metrics=["bleu"]), "found 'bleu'"),
        (lambda r: r.update(tasks=[1]), "has no attribute"),
    ],
)
def test_a_damaged_result_is_named(factory, change, message):
    file = factory.run() / "result.json"
    damage(file, change)
    with pytest.raises(ValueError, match=message) as error:
        load_study(factory.path)
    assert f"Damaged result {file}" in str(error.value)


@pytest.mark.parametrize("text", ["", '{"study": "comp', "[]"])
def test_a_cut_result_is_named(factory, text):
    file = factory.run() / "result.json"
    file.write_text(text)
    with pytest.raises(ValueError) as error:
        load_study(factory.path)
    assert f"Damaged result {file}" in str(error.value)


@pytest.mark.parametrize("text", ["", "epoch,value\n1,2\n", "a,b\n1,2,3\n4,5,6,7\n"])
def test_damaged_curves_are_named(factory, text):
    file = factory.run() / "epochs.csv"
    file.write_text(text)
    with pytest.raises(ValueError) as error:
        load_study(factory.path)
    assert f"Damaged curves {file}" in str(error.value)


def test_absent_curves_are_named(factory):
    file = factory.run() / "epochs.csv"
    file.unlink()
    with pytest.raises(FileNotFoundError, match="found no such file"):
        load_study(factory.path)


def test_the_same_run_twice_is_refused(factory):
    factory.run(seed=1, folder="a")
    factory.run(seed=1, folder="b", overrides=["resume=true", "data.data_dir=/x"])
    with pytest.raises(ValueError, match="'seed': 1.*found 'a' and 'b'"):
        load_study(factory.path)


def test_runs_of_other_settings_are_other_methods(factory):
    rates = {"a": "0.1", "b": "0.2", "c": None}
    for folder, rate in rates.items():
        changed = [f"optimizer.learning_rate={rate}"] if rate else []
        factory.run(folder=folder, overrides=["trainer=compare", *changed])
    factory.run(folder="d", data="other", overrides=["trainer=smoke"])
    costs = load_study(factory.path).costs
    assert costs["settings"].tolist() == [
        *("optimizer.learning_rate=0.1", "optimizer.learning_rate=0.2", "", "")
    ]
    assert costs["method"].tolist()[1:3] == [
        "equal (optimizer.learning_rate=0.2)",
        "equal",
    ]
