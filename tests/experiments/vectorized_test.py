"""Sweeps by population: the same folders and results as one run after another."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from experiments.composed_job import compose_job
from experiments.train import CONF
from experiments.vectorized import group_jobs

ROOT = Path(__file__).resolve().parents[2]
SMALL = [
    "data=synthetic_mmoe",
    "data.steps_per_epoch=4",
    "data.eval_rows=128",
    "trainer.epochs=2",
    "trainer.batch_size=32",
    "model.expert_widths=[8]",
]
# Two programs: the learning rate and c are arguments, the balancer is not.
SWEEP = [
    "balancer=cagrad,famo",
    "seed=0,1",
    "optimizer.learning_rate=1e-2,3e-2",
    "data.correlation=0.0,1.0",
    "study=sweep",
]


def sweep(launcher, *arguments, cwd, small=SMALL):
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "experiments.train", "-m"]
    command += [f"hydra/launcher={launcher}", *arguments, *small]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Launcher -> (folder of the study, what was printed)."""
    made = {}
    for launcher in ("vectorized", "basic"):
        root = tmp_path_factory.mktemp(launcher)
        done = sweep(launcher, *SWEEP, cwd=root)
        assert done.returncode == 0, done.stderr
        made[launcher] = (root / "runs" / "sweep", done.stdout)
    return made


def results(folder):
    return {
        str(path.parent.relative_to(folder)): json.loads(path.read_text())
        for path in folder.glob("**/result.json")
    }


def test_folders_and_results_are_those_of_single_runs(both):
    folders = {name: folder for name, (folder, _) in both.items()}
    found, expected = (results(folders[n]) for n in ("vectorized", "basic"))
    assert found.keys() == expected.keys()
    assert len(found) == 16
    for run, record in found.items():
        files = [
            {path.name for path in (folder / run).iterdir()}
            for folder in folders.values()
        ]
        assert files[0] == files[1]
        texts = [(f / run / "config.yaml").read_text() for f in folders.values()]
        assert texts[0] == texts[1]
        for task, values in expected[run]["test"].items():
            for metric, value in values.items():
                np.testing.assert_allclose(record["test"][task][metric], value, 2e-4)
        assert record["overrides"] == expected[run]["overrides"]
        assert record["best_epoch"] == expected[run]["best_epoch"]


def test_runs_that_differ_in_numbers_are_one_program(both):
    members = [r["members"] for r in results(both["vectorized"][0]).values()]
    assert members == [8] * 16
    assert {r["members"] for r in results(both["basic"][0]).values()} == {1}
    assert "[16/16] mmoe famo seed 1" in both["vectorized"][1]


def test_a_second_call_does_only_what_is_missing(both):
    folder, _ = both["vectorized"]
    victim = next(folder.glob("**/famo/**/result.json"))
    before = json.loads(victim.read_text())
    victim.unlink()
    again = sweep("vectorized", *SWEEP, cwd=folder.parents[1])
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("done before") == 15
    after = json.loads(victim.read_text())
    assert after["members"] == 1
    assert after["best_epoch"] == before["best_epoch"]


def test_a_group_that_fails_leaves_the_others_alone(tmp_path):
    arguments = ["model.num_experts=2,0,3", "seed=0,1", "study=broken"]
    done = sweep("vectorized", *arguments, cwd=tmp_path)
    assert done.returncode != 0
    assert "num_experts=0" in done.stderr
    found = results(tmp_path / "runs" / "broken")
    assert len(found) == 4
    assert {record["members"] for record in found.values()} == {2}


def test_what_is_no_number_of_the_program_parts_the_group(tmp_path):
    """Two batch sizes: two programs, of two learning rates each."""
    arguments = [
        "trainer.batch_size=32,64",
        "optimizer=sgd",
        "optimizer.learning_rate=1e-2,1e-3",
        "study=apart",
    ]
    small = [part for part in SMALL if "batch_size" not in part]
    done = sweep("vectorized", *arguments, small=small, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    members = [r["members"] for r in results(tmp_path / "runs" / "apart").values()]
    assert members == [2, 2, 2, 2]


@pytest.mark.parametrize(("blocks", "sizes"), [("true", [1, 1]), ("false", [2])])
def test_runs_that_read_blocks_are_groups_of_their_own(blocks, sizes, tmp_path):
    same = ("data=aliccp", f"data.blocks={blocks}")
    jobs = [compose_job(same, tmp_path / str(s), s, seed=s) for s in range(2)]
    assert [len(group.jobs) for group in group_jobs(jobs)] == sizes


def test_a_job_of_another_seed_is_what_hydra_composes_of_it(tmp_path):
    same = ("data=synthetic_mmoe", "balancer=pcgrad", "data.seed=${seed}")
    jobs = [compose_job(same, tmp_path / str(s), s, seed=s) for s in range(3)]
    with initialize_config_dir(CONF, version_base="1.3"):
        expected = [compose("train", [*same, f"seed={s}"]) for s in range(3)]
    for job, cfg in zip(jobs, expected, strict=True):
        assert OmegaConf.to_container(job.cfg, resolve=True) == OmegaConf.to_container(
            cfg, resolve=True
        )
        assert job.cfg.data.seed == job.cfg.seed == job.number
