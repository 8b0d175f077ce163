"""torchjd: its two engines, as its examples of multi-task learning have them."""

from typing import Any

import torch
from torch import Tensor
from torchjd import aggregation
from torchjd.autogram import Engine
from torchjd.autojac import jac_to_grad, mtl_backward

from benchmarks.members.torch_loop import DEVICE, make_optimizer, member
from benchmarks.members.torch_models import Model, losses
from benchmarks.worker import Member
from benchmarks.workloads import Workload

AGGREGATORS = {
    "equal": lambda tasks: aggregation.Sum(),
    "pcgrad": lambda tasks: aggregation.PCGrad(),
    "cagrad": lambda tasks: aggregation.CAGrad(c=0.5),
    "mgda": lambda tasks: aggregation.MGDA(),
    "upgrad": lambda tasks: aggregation.UPGrad(),
    "nash_mtl": lambda tasks: aggregation.NashMTL(n_tasks=tasks),
}
WEIGHTINGS = {
    "pcgrad": aggregation.PCGradWeighting,
    "cagrad": lambda: aggregation.CAGradWeighting(c=0.5),
    "mgda": aggregation.MGDAWeighting,
    "upgrad": aggregation.UPGradWeighting,
}


def build(spec: dict[str, Any]) -> Member:
    """A run by "engine": "autojac" or "autogram".

    "chunk_size" is autojac's `parallel_chunk_size` (None: all tasks under one vmap).
    """
    workload = Workload.of(spec["workload"])
    torch.manual_seed(0)
    model = Model(workload, workload.experts and spec.get("stacked", False))
    model = model.to(DEVICE)
    optimizer = make_optimizer(workload, model.parameters())
    engine = {"autojac": _autojac, "autogram": _autogram}[spec["engine"]]
    backward = engine(spec, workload, model)

    def step(x, labels):
        features = model.shared(x)
        # One graph a task: `mtl_backward` frees each behind it.
        found = [
            losses(workload, head(features)[None], labels[t : t + 1])[0]
            for t, head in enumerate(model.heads)
        ]
        backward(found, features)
        optimizer.step()
        optimizer.zero_grad()
        return torch.stack(found)

    return member(spec, workload, step, "torchjd 0.18.0")


def _autojac(spec, workload, model):
    """Jacobians of the shared parameters, aggregated."""
    aggregator = AGGREGATORS[spec["method"]](workload.tasks)

    def backward(found: list[Tensor], features: tuple[Tensor, ...]):
        mtl_backward(found, features, parallel_chunk_size=spec.get("chunk_size"))
        jac_to_grad(model.shared.parameters(), aggregator)

    return backward


def _autogram(spec, workload, model):
    """The Gram matrix layer by layer, and a backward pass of the weighted losses.

    The heads' own parameters get weighted gradients here, and not the plain ones that
    every other member gives them: a pass of their own would cost this engine more.
    """
    weighting = WEIGHTINGS[spec["method"]]()
    engine = Engine(model.shared, batch_dim=None)

    def backward(found: list[Tensor], features: tuple[Tensor, ...]):
        stacked = torch.stack(found)
        stacked.backward(weighting(engine.compute_gramian(stacked)))

    return backward
