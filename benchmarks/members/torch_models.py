"""The workloads' models in plain PyTorch: experts and heads as a list, or stacked."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.workloads import Workload


class Stack(nn.Module):
    """E affine maps as one: [E, B, I] or the one input [B, I] -> [E, B, O]."""

    def __init__(self, count: int, inputs: int, outputs: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(count, inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(count, 1, outputs))
        bound = 1.0 / math.sqrt(inputs)
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim == 2:
            x = x.expand(len(self.weight), *x.shape)
        return torch.baddbmm(self.bias, x, self.weight)


def layers(sizes: tuple[int, ...], count: int = 0) -> nn.Sequential:
    """relu(W x + b) for each pair of sizes; `count` of them stacked, if not 0."""
    parts = []
    for inputs, outputs in zip(sizes[:-1], sizes[1:], strict=True):
        affine = Stack(count, inputs, outputs) if count else nn.Linear(inputs, outputs)
        parts += [affine, nn.ReLU()]
    return nn.Sequential(*parts)


def head(sizes: tuple[int, ...]) -> nn.Sequential:
    """Hidden layers and one output."""
    return nn.Sequential(*layers(sizes), nn.Linear(sizes[-1], 1))


class Encoder(nn.Module):
    """[B, F] ids -> [B, F * D], from one table, as mtlx has it."""

    def __init__(self, workload: Workload):
        super().__init__()
        rows = workload.fields * workload.values
        self.table = nn.Embedding(rows, workload.embedding)
        nn.init.normal_(self.table.weight, std=0.05)
        offsets = torch.arange(workload.fields) * workload.values
        self.register_buffer("offsets", offsets)

    def forward(self, ids: Tensor) -> Tensor:
        return self.table(ids + self.offsets).flatten(1)


class Bodies(nn.Module):
    """The shared part of an MMoE: x [B, D] and the experts' outputs [B, E, U]."""

    def __init__(self, workload: Workload, stacked: bool):
        super().__init__()
        self.encoder = Encoder(workload) if workload.fields else nn.Identity()
        sizes, count = (workload.width, *workload.widths), workload.experts
        self.stacked = stacked
        self.experts = (
            layers(sizes, count)
            if stacked
            else nn.ModuleList(layers(sizes) for _ in range(count))
        )

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        x = self.encoder(inputs)
        if self.stacked:
            outputs = self.experts(x).transpose(0, 1)
        else:
            outputs = torch.stack([expert(x) for expert in self.experts], dim=1)
        # A view, so that what the gates read does not lie before the experts: torchjd
        # takes features that do not depend on each other.
        return x.view_as(x), outputs


class Mixture(nn.Module):
    """One task's gate and tower."""

    def __init__(self, workload: Workload):
        super().__init__()
        self.gate = nn.Linear(workload.width, workload.experts, bias=False)
        self.tower = head((workload.widths[-1], *workload.tower))

    def forward(self, features: tuple[Tensor, Tensor]) -> Tensor:
        x, experts = features
        weights = torch.softmax(self.gate(x), dim=-1)
        return self.tower(torch.einsum("be,beu->bu", weights, experts)).squeeze(-1)


class Head(nn.Module):
    """One task's head on a shared trunk."""

    def __init__(self, workload: Workload):
        super().__init__()
        self.tower = head((workload.widths[-1], *workload.tower))

    def forward(self, features: tuple[Tensor]) -> Tensor:
        return self.tower(features[0]).squeeze(-1)


class Trunk(nn.Module):
    """The shared part of an MLP with T heads."""

    def __init__(self, workload: Workload):
        super().__init__()
        self.layers = layers((workload.width, *workload.widths))

    def forward(self, inputs: Tensor) -> tuple[Tensor]:
        return (self.layers(inputs),)


class Stacked(nn.Module):
    """T heads as one stacked computation."""

    def __init__(self, workload: Workload):
        super().__init__()
        sizes = (workload.widths[-1], *workload.tower)
        self.layers = layers(sizes, workload.tasks)
        self.last = Stack(workload.tasks, sizes[-1], 1)

    def forward(self, features: tuple[Tensor]) -> Tensor:
        return self.last(self.layers(features[0])).squeeze(-1)


class Model(nn.Module):
    """`shared` -> features, `heads` -> [T, B]; stacked where that applies."""

    def __init__(self, workload: Workload, stacked: bool = False):
        super().__init__()
        if workload.experts:
            self.shared = Bodies(workload, stacked)
            parts = [Mixture(workload) for _ in range(workload.tasks)]
            self.heads = nn.ModuleList(parts)
        else:
            self.shared = Trunk(workload)
            parts = [Head(workload) for _ in range(workload.tasks)]
            self.heads = Stacked(workload) if stacked else nn.ModuleList(parts)

    def outputs(self, features: tuple[Tensor, ...]) -> Tensor:
        """[T, B] of the shared features."""
        if isinstance(self.heads, Stacked):
            return self.heads(features)
        return torch.stack([head(features) for head in self.heads])

    def forward(self, inputs: Tensor) -> Tensor:
        return self.outputs(self.shared(inputs))


def losses(workload: Workload, outputs: Tensor, labels: Tensor) -> Tensor:
    """[T] means over the batch, of outputs [T, B] and labels [T, B]."""
    loss = {"binary": F.binary_cross_entropy_with_logits, "regression": F.mse_loss}
    return loss[workload.kind](outputs, labels, reduction="none").mean(dim=1)
