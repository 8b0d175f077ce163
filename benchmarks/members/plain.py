"""A plain PyTorch loop: what someone who needs no library writes."""

import random
from typing import Any

import torch
from torch import Tensor

from benchmarks.members.torch_loop import DEVICE, make_optimizer, member
from benchmarks.members.torch_models import Model, losses
from benchmarks.worker import Member
from benchmarks.workloads import Workload


def build(spec: dict[str, Any]) -> Member:
    """Equal weights, or PCGrad written on the Gram matrix.

    "stacked": experts or heads as one computation; "fused": one optimizer kernel;
    "compile": `torch.compile` of forward and losses.
    """
    workload = Workload.of(spec["workload"])
    torch.manual_seed(0)
    model = Model(workload, spec.get("stacked", False)).to(DEVICE)
    optimizer = make_optimizer(workload, model.parameters(), spec.get("fused", False))

    def forward(x, labels):
        return losses(workload, model(x), labels)

    if spec.get("compile"):
        forward = torch.compile(forward)
    backward = {"equal": _equal, "pcgrad": _pcgrad}[spec["method"]]

    def step(x, labels):
        optimizer.zero_grad(set_to_none=True)
        found = forward(x, labels)
        backward(model, found)
        optimizer.step()
        return found

    return member(spec, workload, step, "plain loop")


def _equal(model: Model, found: Tensor) -> None:
    found.sum().backward()


def _pcgrad(model: Model, found: Tensor) -> None:
    """Task gradients of the shared parameters, weights from their Gram matrix."""
    shared, own = (list(part.parameters()) for part in (model.shared, model.heads))
    rows = []
    for loss in found:
        grads = torch.autograd.grad(loss, shared, retain_graph=True)
        rows.append(torch.cat([grad.flatten() for grad in grads]))
    # Own parameters meet one loss each: this pass stops at the heads.
    for parameter, grad in zip(own, torch.autograd.grad(found.sum(), own), strict=True):
        parameter.grad = grad
    stacked = torch.stack(rows)
    direction = _project((stacked @ stacked.T).cpu()).to(DEVICE) @ stacked
    sizes = [parameter.numel() for parameter in shared]
    for parameter, part in zip(shared, direction.split(sizes), strict=True):
        parameter.grad = part.view_as(parameter)


def _project(gram: Tensor) -> Tensor:
    """PCGrad's weights of the task gradients: each projected off those it opposes."""
    count = len(gram)
    coefficients = torch.eye(count)
    for i in range(count):
        others = [j for j in range(count) if j != i]
        random.shuffle(others)
        for j in others:
            inner = coefficients[i] @ gram[j]
            if inner < 0:
                coefficients[i, j] -= inner / gram[j, j]
    return coefficients.sum(0)
