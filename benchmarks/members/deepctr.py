"""DeepCTR-Torch: its MMOE, in a plain loop or in its own `fit`."""

from typing import Any

import torch
import torch.nn.functional as F
from deepctr_torch.inputs import SparseFeat
from deepctr_torch.models import MMOE

from benchmarks.members.torch_loop import DEVICE, finish, make_optimizer, member
from benchmarks.worker import Member
from benchmarks.workloads import Workload


def build(spec: dict[str, Any]) -> Member:
    """Without regularisation, so that it does the work of the others and no more."""
    workload = Workload.of(spec["workload"])
    names = [f"c{i}" for i in range(workload.fields)]
    columns = [SparseFeat(n, workload.values, workload.embedding) for n in names]
    model = MMOE(
        columns,
        num_experts=workload.experts,
        expert_dnn_hidden_units=workload.widths,
        gate_dnn_hidden_units=(),
        tower_dnn_hidden_units=workload.tower,
        l2_reg_linear=0.0,
        l2_reg_embedding=0.0,
        task_types=["binary"] * workload.tasks,
        task_names=[f"t{i}" for i in range(workload.tasks)],
        device=str(DEVICE),
    )
    if spec["form"] == "epoch":
        return _fit(spec, workload, model, names)
    optimizer = make_optimizer(workload, model.parameters())

    def step(x, labels):
        optimizer.zero_grad()
        outputs = model(x.float())
        loss = F.binary_cross_entropy(outputs, labels.T, reduction="none").mean(0)
        loss.sum().backward()
        optimizer.step()
        return loss

    return member(spec, workload, step, "DeepCTR-Torch 0.3.0")


def _fit(spec, workload, model, names) -> Member:
    """An epoch of its `fit`, which has a data loader of its own."""
    x, labels = workload.rows(spec["rows"])
    rate = workload.learning_rate
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    model.compile(optimizer, ["binary_crossentropy"] * workload.tasks)
    inputs = {name: x[:, i] for i, name in enumerate(names)}
    losses = []

    def run():
        history = model.fit(
            inputs, labels, batch_size=workload.batch_size, epochs=1, verbose=0
        )
        losses[:] = history.history["loss"][-1:]
        return len(x)

    return finish(run, lambda: losses, "DeepCTR-Torch 0.3.0")
