"""`python -m experiments.reproduce`: every table is sound, and a small one runs."""

import functools
import inspect
import json
import re
from pathlib import Path

import hydra.utils
import pytest
import yaml
from hydra import compose, initialize_config_dir

from experiments import reproduce, reproduce_spec
from experiments.reproduce_call import takes_seeds
from experiments.reproduce_cell import folder_of
from experiments.reproduce_spec import choose_tables, load_spec, table_names
from experiments.train import CONF
from mtlx.results.reproduction.parse import parse_spec
from mtlx.results.reproduction.spec import Row, reduce_spec

SMALL = {
    "title": "Two models on made-up data",
    "source": "Nobody, 2020",
    "seeds": 3,
    "reduced_seeds": 2,
    "overrides": [
        "data=synthetic_mmoe",
        "data.dim=4",
        "data.eval_rows=64",
        "data.steps_per_epoch=4",
        "trainer=smoke",
        "trainer.batch_size=16",
        "model=shared_bottom",
        "model.tower_widths=[]",
    ],
    "tuning": {
        "grid": {"optimizer.learning_rate": [1e-6, 1e-1]},
        "seeds": [5],
        "task": "task_1",
        "metric": "rmse",
    },
    "rule": {"kind": "equivalent", "margin": 0.5, "because": "it is a test"},
    "columns": [{"name": "rmse", "task": "task_1", "metric": "rmse", "digits": 3}],
    "rows": [
        {
            "name": "Narrow",
            "overrides": ["model.bottom_widths=[4]"],
            "published": {"rmse": 100.0},
        },
        {
            "name": "Exact",
            "deterministic": True,
            "call": {"_target_": f"{__name__}.constant", "value": 1.25},
        },
        {"name": "Theirs alone", "published": {"rmse": 1.0}},
    ],
}


def constant(value):
    return {"task_1": {"rmse": value}}


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A folder of one table, and runs that go to a temporary folder."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "tables"
    (folder / "nobody").mkdir(parents=True)
    (folder / "nobody" / "small.yaml").write_text(yaml.safe_dump(SMALL))
    monkeypatch.setattr(reproduce, "all_devices", lambda: 1)
    monkeypatch.setattr(reproduce, "choose_tables", lambda *_: ["nobody/small"])
    monkeypatch.setattr(
        reproduce, "load_spec", functools.partial(load_spec, folder=folder)
    )
    return tmp_path


@pytest.mark.parametrize("name", table_names())
def test_every_table_can_be_run_as_it_says(name):
    """Its overrides compose, its calls take these arguments, its header is whole."""
    header = (reproduce_spec.TABLES / f"{name}.yaml").read_text()
    for line in ("Question:", "Command:", "Takes:"):
        assert f"# {line}" in header
    spec = load_spec(name)
    assert f"paper={spec.paper} table={spec.table}" in header
    assert spec.unavailable or spec.runnable
    assert bool(spec.needs) == bool(spec.unavailable and spec.runnable)
    short = reduce_spec(spec).runnable if spec.reduced else ()
    for row in (*spec.runnable, *short):
        if row.call is not None:
            function = hydra.utils.get_object(row.call["_target_"])
            arguments = {k: v for k, v in row.call.items() if k != "_target_"}
            seed = {"seeds": [0]} if takes_seeds(row.call) else {"seed": 0}
            seed = {} if row.deterministic else seed
            inspect.signature(function).bind(**arguments, **seed)
            continue
        tuned = spec.tuning.grid if spec.tuning else {}
        point = [f"{key}={values[0]}" for key, values in tuned.items()]
        with initialize_config_dir(CONF, version_base="1.3"):
            compose("train", [*spec.overrides, *row.overrides, *point])


def test_the_documented_table_is_one():
    page = reproduce_spec.TABLES.parents[1] / "docs" / "reproductions" / "format.md"
    blocks = re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    table, pictures = (yaml.safe_load(block) for block in blocks)
    spec = parse_spec(table | pictures, "a", "paper")
    assert len(spec.runnable) == 3 and len(spec.claims) == 2
    assert [len(picture.title) > 0 for picture in spec.pictures] == [True, True]


def test_tables_are_chosen_by_name():
    assert choose_tables("mmoe", "census_group1") == ["mmoe/census_group1"]
    assert set(choose_tables("mmoe", None)) < set(choose_tables(None, None))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["paper=mmoee"], "Expected one of the tables .* found paper=mmoee"),
        (["table=census_group1"], "Expected paper= beside table=census_group1"),
        (["papers=mmoe"], "Expected paper, .* found 'papers=mmoe'"),
        (["mmoe"], "found 'mmoe'"),
        (["run=maybe"], "true or false, found 'maybe'"),
        (["paper=mmoe", "seeds=0"], "above 0, reduced or published, found '0'"),
        (["paper=mmoe", "seeds=few"], "found 'few'"),
    ],
)
def test_a_wrong_argument_is_named(arguments, message, capsys):
    assert reproduce.main(arguments) == 1
    assert re.search(message, capsys.readouterr().err)


def test_help_says_how(capsys):
    assert reproduce.main(["--help"]) == 0
    assert "seeds=N|reduced|published" in capsys.readouterr().out


def test_a_small_table_runs_and_a_second_call_adds_what_is_missing(small, capsys):
    arguments = ["paper=nobody", "table=small", "output=out"]
    assert reproduce.main([*arguments, "seeds=reduced"]) == 0
    record = json.loads(Path("out/nobody/small.json").read_text())
    narrow, exact, theirs = record["cells"]
    assert narrow["ours"]["n"] == 2 and narrow["verdict"] == "not reproduced"
    assert exact["ours"]["mean"] == 1.25 and exact["verdict"] == "ours alone"
    assert theirs["verdict"] == "not run"
    assert "'optimizer.learning_rate': 0.1" in record["facts"]["chosen"]
    suffixes = {path.suffix for path in Path("out/nobody").iterdir()}
    assert suffixes == {".json", ".md", ".tex", ".csv", ".html", ".png"}
    assert "Reduced: 2 of the 3 runs" in Path("out/nobody/small.md").read_text()
    printed = capsys.readouterr().out
    assert "out/nobody/small.md: 1 not reproduced, 1 not run, 1 ours alone" in printed

    before = _times()
    assert reproduce.main(arguments) == 0
    record = json.loads(Path("out/nobody/small.json").read_text())
    assert record["cells"][0]["ours"]["n"] == 3
    after = _times()
    assert len(after) == len(before) + 1
    assert all(after[path] == time for path, time in before.items())


def test_judging_alone_runs_nothing(small):
    assert reproduce.main(["paper=nobody", "run=false", "output=out"]) == 0
    record = json.loads(Path("out/nobody/small.json").read_text())
    assert {cell["verdict"] for cell in record["cells"]} == {"not run"}
    assert record["facts"] == {}


@pytest.fixture
def short(small):
    """The small table with a reduced protocol."""
    path = Path("tables/nobody/small.yaml")
    table = yaml.safe_load(path.read_text())
    reduced = {"overrides": ["data.eval_rows=32"], "what": "32 rows", "because": "few"}
    path.write_text(yaml.safe_dump(table | {"reduced": reduced}))
    return small


def test_reduced_runs_have_a_folder_of_their_own_and_yield_to_full_ones(short, capsys):
    arguments = ["paper=nobody", "table=small", "output=out"]

    def record(*more):
        assert reproduce.main([*arguments, *more]) == 0
        return json.loads(Path("out/nobody/small.json").read_text())

    found = record("seeds=reduced")
    assert found["reduced"] == "32 rows" and found["cells"][0]["ours"]["n"] == 2
    assert found["cells"][0]["reason"] == "few"
    assert "seeds=reduced" in found["facts"]["command"]
    folder = Path("runs/reproduce/nobody/small")
    assert {path.parts[4] for path in _times()} == {"reduced"}
    (stored, *_) = (folder / "reduced").glob("narrow*/*/seed=0/config.yaml")
    config = yaml.safe_load(stored.read_text())
    assert config["data"]["eval_rows"] == 32
    assert config["study"] == "reproduce/nobody/small/reduced"
    assert record("run=false")["reduced"] == "32 rows"

    before = _times()
    found = record("seeds=1")
    assert found["reduced"] == "" and found["cells"][0]["ours"]["n"] == 1
    assert found["cells"][0]["reason"] == "one run has no interval"
    assert before.items() < _times().items()
    for more in ("seeds=reduced", "run=false"):
        capsys.readouterr()
        before, found = _times(), record(more)
        assert found["reduced"] == "" and found["cells"][0]["ours"]["n"] == 1
        assert _times() == before
        printed = capsys.readouterr().out
        assert ("was run in full" in printed) == (more == "seeds=reduced")


@pytest.fixture
def far(small):
    """The small table with a need."""
    path = Path("tables/nobody/small.yaml")
    table = yaml.safe_load(path.read_text())
    table |= {"needs": ["far/images"], "unavailable": "Behind a form"}
    path.write_text(yaml.safe_dump(table))
    return small


def test_a_table_without_its_data_is_passed_over_among_others(far, capsys):
    assert reproduce.main(["output=out"]) == 0
    assert "nobody/small: expected far/images" in capsys.readouterr().out
    assert not Path("runs").exists()


def test_a_table_without_its_data_cannot_be_asked_for(far, capsys, monkeypatch):
    monkeypatch.setenv("MTLX_DATA_DIR", str(far))
    assert reproduce.main(["paper=nobody", "table=small"]) == 1
    error = capsys.readouterr().err
    assert f"MTLX_DATA_DIR={far}, found no such" in error and "Behind a form" in error


def test_a_table_with_its_data_runs(far, monkeypatch):
    monkeypatch.setenv("MTLX_DATA_DIR", str(far))
    (far / "far" / "images").mkdir(parents=True)
    arguments = ["paper=nobody", "table=small", "seeds=1", "output=out"]
    assert reproduce.main(arguments) == 0
    record = json.loads(Path("out/nobody/small.json").read_text())
    assert record["cells"][0]["ours"]["n"] == 1


def test_a_failing_cell_is_told_and_the_others_stay(small, capsys, monkeypatch):
    monkeypatch.setattr(reproduce, "tune", lambda *_: ({}, []))
    path = Path("tables/nobody/small.yaml")
    table = yaml.safe_load(path.read_text())
    broken = {"name": "Broken", "call": {"_target_": f"{__name__}.no_such"}}
    path.write_text(yaml.safe_dump(table | {"rows": [broken, *table["rows"]]}))
    assert reproduce.main(["paper=nobody", "seeds=1", "output=out"]) == 1
    assert "error: Broken, seed 0:" in capsys.readouterr().err
    record = json.loads(Path("out/nobody/small.json").read_text())
    verdicts = {cell["row"]: cell["verdict"] for cell in record["cells"]}
    assert verdicts["Broken"] == "not run" and verdicts["Exact"] == "ours alone"


def test_rows_that_differ_in_signs_have_folders_of_their_own():
    rows = (Row(f"at {x:+g}", (), None, False, {}, "") for x in (-0.2, 0.2))
    first, second = (folder_of(Path("r"), row, {"a.b": 1e-3}, 4) for row in rows)
    assert first != second
    assert first.parts[2:] == ("b=0.001", "seed=4")


def test_the_result_of_another_call_is_refused(small, capsys, monkeypatch):
    monkeypatch.setattr(reproduce, "tune", lambda *_: ({}, []))
    assert reproduce.main(["paper=nobody", "seeds=1", "output=out"]) == 0
    path = Path("tables/nobody/small.yaml")
    path.write_text(path.read_text().replace("1.25", "1.5"))
    assert reproduce.main(["paper=nobody", "seeds=1", "output=out"]) == 1
    error = capsys.readouterr().err
    assert "Exact, seed 0: Expected" in error and "Remove the folder" in error


def _times():
    return {p: p.stat().st_mtime_ns for p in Path("runs").rglob("result.json")}
