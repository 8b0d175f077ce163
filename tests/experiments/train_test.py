"""The entry points as a user starts them: real processes, real files."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SMALL = [
    "data=synthetic_mmoe",
    "data.steps_per_epoch=4",
    "data.eval_rows=128",
    "trainer.epochs=2",
    "trainer.batch_size=32",
    "model.expert_widths=[8]",
]


def start(module, *arguments, cwd):
    """Runs an entry point from another folder, as `runs/` is relative to it."""
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    env.pop("XLA_FLAGS", None)
    command = [sys.executable, "-m", f"experiments.{module}", *arguments]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)


def folder_of(root, balancer="pcgrad", seed=0, study="mine"):
    (folder,) = (root / "runs" / study / "mmoe" / balancer).glob(f"**/seed={seed}")
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with one finished run in it."""
    root = tmp_path_factory.mktemp("run")
    done = start(
        "train", "model=mmoe", "balancer=pcgrad", "study=mine", *SMALL, cwd=root
    )
    assert done.returncode == 0, done.stderr
    return root, done


def test_a_run_leaves_config_curves_result_and_checkpoint(finished):
    root, done = finished
    folder = folder_of(root)
    assert {path.name for path in folder.iterdir()} == {
        "config.yaml",
        "epochs.csv",
        "result.json",
        "checkpoint",
    }
    result = json.loads((folder / "result.json").read_text())
    assert result["epochs"] == 2
    assert result["model"] == "mmoe"
    assert result["balancer"] == "pcgrad"
    assert set(result["test"]) == {"task_1", "task_2"}
    with (folder / "epochs.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["epoch"] for row in rows} == {"1", "2"}
    assert "task_1 rmse" in done.stdout
    assert str(folder.relative_to(root)) in done.stdout


def test_a_second_call_does_nothing(finished):
    root, _ = finished
    before = (folder_of(root) / "result.json").stat().st_mtime_ns
    again = start(
        "train", "model=mmoe", "balancer=pcgrad", "study=mine", *SMALL, cwd=root
    )
    assert again.returncode == 0, again.stderr
    assert "done before" in again.stdout
    assert (folder_of(root) / "result.json").stat().st_mtime_ns == before


def test_another_configuration_does_not_overwrite_a_run(finished):
    root, _ = finished
    # The folder's name carries the overrides; put another run's config in its place.
    folder = folder_of(root)
    text = (folder / "config.yaml").read_text()
    try:
        (folder / "config.yaml").write_text(text.replace("dim: 100", "dim: 10"))
        refused = start(
            "train", "model=mmoe", "balancer=pcgrad", "study=mine", *SMALL, cwd=root
        )
    finally:
        (folder / "config.yaml").write_text(text)
    assert refused.returncode != 0
    assert "found a run that differs in data" in refused.stderr


def test_resume_goes_on_from_the_checkpoint(tmp_path):
    arguments = ["model=mmoe", "balancer=pcgrad", *SMALL, "study=long"]
    whole = start("train", *arguments, "trainer.epochs=4", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    (long,) = (tmp_path / "runs" / "long").glob("**/result.json")
    short = [a.replace("study=long", "study=short") for a in arguments]
    first = start("train", *short, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    # The same run, now for four epochs: its folder is named by hand, as the number of
    # epochs is part of the name.
    (folder,) = (tmp_path / "runs" / "short").glob("**/seed=0")
    second = start(
        "train",
        *short,
        "trainer.epochs=4",
        "resume=true",
        f"hydra.run.dir='{folder}'",
        cwd=tmp_path,
    )
    assert second.returncode == 0, second.stderr
    resumed = json.loads((folder / "result.json").read_text())
    assert resumed["epochs"] == 4
    assert resumed["test"] == json.loads(long.read_text())["test"]


def test_a_sweep_runs_all_and_the_report_shows_them(tmp_path):
    sweep = start(
        "train",
        "-m",
        "model=mmoe",
        "balancer=equal,pcgrad",
        "seed=0,1",
        "study=sweep",
        *SMALL,
        cwd=tmp_path,
    )
    assert sweep.returncode == 0, sweep.stderr
    assert "[4/4] mmoe pcgrad seed 1" in sweep.stdout
    assert "left" in sweep.stdout
    report = start("report", "runs/sweep", cwd=tmp_path)
    assert report.returncode == 0, report.stderr
    assert "pcgrad" in report.stdout
    for name in ("results.md", "results.csv", "report.html"):
        assert (tmp_path / "runs" / "sweep" / name).stat().st_size > 200
    assert list((tmp_path / "runs" / "sweep").glob("*.png"))


def test_a_failing_run_leaves_the_others_alone(tmp_path):
    """The second of three runs cannot be built; the third is still made."""
    sweep = start(
        "train",
        "-m",
        "model=mmoe",
        "model.num_experts=2,0,3",
        "study=broken",
        *SMALL,
        cwd=tmp_path,
    )
    assert sweep.returncode != 0
    assert "num_experts=0" in sweep.stderr
    results = sorted((tmp_path / "runs" / "broken").glob("**/result.json"))
    assert len(results) == 2


def test_a_misspelt_option_lists_the_choices(tmp_path):
    wrong = start("train", "balancer=pcgrd", cwd=tmp_path)
    assert wrong.returncode != 0
    for name in ("pcgrad", "cagrad", "equal"):
        assert name in wrong.stderr
    wrong = start("train", "model.num_expert=3", cwd=tmp_path)
    assert wrong.returncode != 0
    assert "num_expert" in wrong.stderr


def test_help_shows_groups_commands_and_the_default(tmp_path):
    shown = start("train", "--help", cwd=tmp_path)
    assert shown.returncode == 0
    for text in (
        "balancer: ",
        "pcgrad",
        "python -m experiments.train",
        "learning_rate",
    ):
        assert text in shown.stdout
