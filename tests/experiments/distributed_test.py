"""One run by two real processes that meet on loopback."""

import csv
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mtlx.train.parallel import join_processes

ROOT = Path(__file__).resolve().parents[2]
RUN = [
    "data=synthetic_mmoe",
    "data.steps_per_epoch=4",
    "data.eval_rows=128",
    "trainer.epochs=2",
    "trainer.batch_size=32",
    "model.expert_widths=[8]",
    "balancer=pcgrad",
]


def start(root, *arguments):
    env = os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    env.pop("XLA_FLAGS", None)  # one device a process
    return subprocess.Popen(
        [sys.executable, "-m", "experiments.train", *RUN, *arguments],
        cwd=root,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_two_processes_make_the_run_of_one(tmp_path):
    together = [
        "study=two",
        "trainer.parallel=jit",
        "trainer.distributed=true",
        f"trainer.processes.coordinator_address=127.0.0.1:{free_port()}",
        "trainer.processes.num_processes=2",
    ]
    processes = [
        start(tmp_path, "study=one"),
        *(
            start(tmp_path, *together, f"trainer.processes.process_id={i}")
            for i in "01"
        ),
    ]
    said = [process.communicate(timeout=300) for process in processes]
    for process, (_, errors) in zip(processes, said, strict=True):
        assert process.returncode == 0, errors

    results, curves = {}, {}
    for study in ("one", "two"):
        (folder,) = (tmp_path / "runs" / study).glob("**/seed=0")
        results[study] = json.loads((folder / "result.json").read_text())
        with (folder / "epochs.csv").open() as file:
            curves[study] = list(csv.DictReader(file))
    for split in ("validation", "test"):
        for task, scores in results["one"][split].items():
            assert results["two"][split][task] == pytest.approx(scores, rel=1e-5)
    for one, two in zip(curves["one"], curves["two"], strict=True):  # written once
        assert one.pop("value") and two.pop("value")
        assert one == two
    assert "task_1 rmse" in said[1][0]
    assert "task_1 rmse" not in said[2][0]  # process 0 speaks for both


def test_what_tells_the_processes_apart_comes_whole_or_not_at_all():
    with pytest.raises(ValueError, match="together, or none"):
        join_processes("127.0.0.1:1234", num_processes=2)
