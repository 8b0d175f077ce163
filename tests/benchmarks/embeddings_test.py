"""A step of a row-wise optimizer writes nothing of the table's size."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = """
import json
import numpy as np
from benchmarks.embeddings import Run

found = {}
for optimizer in ("lazy_adam", "rowwise_adagrad", "adam"):
    run = Run(optimizer, 20_000, steps=2)  # more rows than a batch reads
    finite = bool(np.isfinite(run()["loss"]).all())
    found[optimizer] = [run.passes(), finite, int(run.state.step)]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def runs():
    """By optimizer: passes over the table, whether it stayed finite, its steps.

    In a process whose XLA makes programs as users get them: the flags of the tests ask
    for fast compilation, and leave copies that those do not have.
    """
    environment = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("optimizer", ["lazy_adam", "rowwise_adagrad"])
def test_the_table_is_written_in_place_alone(runs, optimizer):
    assert runs[optimizer] == [[], True, 2]


def test_passes_over_the_table_are_found(runs):
    assert {"add", "multiply"} <= set(runs["adam"][0])
