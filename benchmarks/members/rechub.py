"""torch-rechub: its MMOE, in a plain loop or in its own trainer and data generator.

Its MLP layers normalise over the batch by default and cannot be told otherwise where
the installed version has no option for it; the work is then a little more.
"""

import tempfile
from typing import Any

import torch.nn.functional as F
from torch_rechub.basic.features import SparseFeature
from torch_rechub.models.multi_task import MMOE
from torch_rechub.trainers import MTLTrainer
from torch_rechub.utils.data import DataGenerator

from benchmarks.members.torch_loop import DEVICE, finish, make_optimizer, member
from benchmarks.worker import Member
from benchmarks.workloads import Workload


def build(spec: dict[str, Any]) -> Member:
    """Steps in a plain loop over index batches, or epochs of its trainer."""
    workload = Workload.of(spec["workload"])
    names = [f"c{i}" for i in range(workload.fields)]
    features = [SparseFeature(n, workload.values, workload.embedding) for n in names]
    towers = [{"dims": list(workload.tower)} for _ in range(workload.tasks)]
    model = MMOE(
        features,
        ["classification"] * workload.tasks,
        workload.experts,
        expert_params={"dims": list(workload.widths)},
        tower_params_list=towers,
    ).to(DEVICE)
    if spec["form"] == "epoch":
        return _fit(spec, workload, model, names)
    optimizer = make_optimizer(workload, model.parameters())

    def step(x, labels):
        optimizer.zero_grad()
        outputs = model(dict(zip(names, x.T, strict=True)))
        loss = F.binary_cross_entropy(outputs, labels.T, reduction="none").mean(0)
        loss.sum().backward()
        optimizer.step()
        return loss

    return member(spec, workload, step, "torch-rechub 0.9.0")


def _fit(spec, workload, model, names) -> Member:
    x, labels = workload.rows(spec["rows"])
    columns = dict(zip(names, x.T, strict=True))
    loader, _, _ = DataGenerator(columns, labels).generate_dataloader(
        x_val=columns,
        y_val=labels,
        x_test=columns,
        y_test=labels,
        batch_size=workload.batch_size,
    )
    trainer = MTLTrainer(
        model,
        ["classification"] * workload.tasks,
        optimizer_params={"lr": workload.learning_rate},
        device=str(DEVICE),
        model_path=tempfile.mkdtemp(),
    )
    losses = []

    def run():
        losses[:] = map(float, trainer.train_one_epoch(loader))
        return len(x)

    return finish(run, lambda: losses, "torch-rechub 0.9.0")
