"""W1 to W3: rows, FLOPs, and the mtlx side on small sizes."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import entries, rounds, w1, w2, workloads
from benchmarks.members import mtlx_member, sweep_mtlx
from benchmarks.workloads import Workload
from mtlx import balancers
from mtlx.train.state import init_state
from mtlx.train.step import make_step

ROOT = Path(__file__).resolve().parents[2]
SMALL = dataclasses.replace(
    workloads.w1(),
    fields=4,
    values=10,
    embedding=16,
    experts=3,
    widths=(32, 16),
    tower=(8,),
    batch_size=64,
)
TINY = dataclasses.replace(workloads.w3(), inputs=6, experts=2, batch_size=8)


def test_the_sizes_of_the_issue():
    w1, w2, w3 = workloads.w1(), workloads.w2(8), workloads.w3()
    assert (w1.width, w1.experts, w1.widths, w1.tower) == (320, 8, (128, 64), (32,))
    assert (w1.batch_size, w1.optimizer, w1.learning_rate) == (2048, "adam", 1e-3)
    assert (w2.width, w2.widths, w2.tower) == (256, (512, 512, 256), (64,))
    assert (w2.tasks, w2.batch_size, w2.optimizer) == (8, 256, "sgd")
    assert (w3.width, w3.experts, w3.widths, w3.tower) == (100, 8, (16,), (8,))


@pytest.mark.parametrize("workload", [SMALL, TINY], ids=lambda w: w.name)
def test_rows_are_the_same_for_both_sides(workload):
    x, labels = workload.rows(50)
    again = Workload.of(json.loads(json.dumps(workload.record()))).rows(50)
    np.testing.assert_array_equal(x, again[0])
    np.testing.assert_array_equal(labels, again[1])
    assert x.shape == (50, workload.fields or workload.inputs)
    assert labels.shape == (50, workload.tasks)
    if workload.kind == "binary":
        assert set(np.unique(labels)) == {0.0, 1.0}


@pytest.mark.parametrize("method", ["equal", "pcgrad"])
def test_flops_are_those_of_the_compiled_step(method):
    """XLA counts more than the products; every layer's input needs a gradient here."""
    dataset = mtlx_member.make_dataset(SMALL, SMALL.batch_size)
    model = mtlx_member.make_model(SMALL, dataset)
    optimizer = mtlx_member.make_optimizer(SMALL)
    balancer = getattr(balancers, method)()
    batch = jax.tree.map(jnp.asarray, dataset.train)
    state = init_state(model, optimizer, balancer, batch, jax.random.key(0))
    step = make_step(model, dataset.tasks, optimizer, balancer, 1)
    compiled = jax.jit(step).lower(state, batch).compile()
    counted = compiled.cost_analysis()["flops"]
    assert 1.0 < counted / SMALL.step_flops(method) < 1.35


def test_the_mtlx_member_trains():
    spec = entries.ours(SMALL, "pcgrad", chunk=4, rows=512).spec
    member = mtlx_member.build(dict(spec))
    assert member.run() == 4
    first = member.losses()
    for _ in range(60):
        member.run()
    assert sum(member.losses()) < 0.9 * sum(first)
    assert member.facts["compile_seconds"] > 0


def test_an_epoch_counts_its_rows():
    spec = entries.ours(SMALL, "equal", form="epoch", chunk=2, rows=64 * 5).spec
    member = mtlx_member.build(dict(spec))
    # Five batches in chunks of two: three chunks of one batch, two batches left out.
    assert member.run() == 3 * 64


def test_a_seed_of_the_sweep_does_not_depend_on_the_others():
    errors = [sweep_mtlx.train(TINY, seeds, 20, 80) for seeds in (1, 3)]
    assert errors[1].shape == (3, 2)
    np.testing.assert_allclose(errors[0][0], errors[1][0], rtol=1e-4)
    assert not np.allclose(errors[1][0], errors[1][1])


def test_peers_and_their_forms():
    named = {e.name: e for e in entries.peers(workloads.w1(), "pcgrad", "peers/python")}
    assert {entry.kind for entry in named.values()} == {"libmtl", "plain", "torchjd"}
    assert {entry.python for entry in named.values()} == {"peers/python"}
    gradnorm = entries.peers(workloads.w1(), "gradnorm", "peers/python")
    assert [entry.kind for entry in gradnorm] == ["libmtl"]
    many = entries.peers(workloads.w2(32), "equal", "peers/python")
    assert not {"deepctr", "rechub"} & {entry.kind for entry in many}


def test_w1_runs_without_peers(tmp_path, monkeypatch):
    monkeypatch.setattr(rounds, "RESULTS", tmp_path)
    argv = ["--rounds", "1", "--seconds", "0.01", "--only", "equal", "--chunk", "2"]
    figures = w1.main([*argv, "--peer-python", ""], SMALL)
    members = figures["groups"]["equal"]["members"]
    assert list(members) == ["mtlx", "product (jax)"]
    assert len(members["mtlx"]["rates"]) == 1
    record = json.loads((tmp_path / "w1.json").read_text())
    assert record["groups"] == json.loads(json.dumps(figures["groups"]))


def test_an_unknown_group_is_refused():
    with pytest.raises(SystemExit, match="t2_equal.*found t2_nothing"):
        w2.main(["--only", "t2_nothing", "--peer-python", ""], tasks=(2,))


def test_the_mtlx_side_needs_jax_flax_optax_and_numpy_alone():
    code = """
import sys
REFUSED = ("pandas", "scipy", "matplotlib", "rich", "hydra", "omegaconf", "jaxtyping",
           "tensorflow_datasets", "array_record", "orbax", "jinja2", "torch")
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in REFUSED:
            raise ModuleNotFoundError(name)
import jax, flax.linen, optax  # what they import themselves is theirs
for name in [n for n in sys.modules if n.split(".")[0] in REFUSED]:
    del sys.modules[name]
sys.meta_path.insert(0, Refuse())
import benchmarks.w1, benchmarks.w2, benchmarks.w3
import benchmarks.members.mtlx_member, benchmarks.members.sweep_mtlx
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
