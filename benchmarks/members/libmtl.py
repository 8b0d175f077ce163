"""LibMTL: its weighting classes on its architecture base, in its trainer's loop.

The trainer itself puts everything on "cuda:0" and records metrics on the host; here its
loop body runs on the device at hand, without the metrics. The model is ours (stacked
experts, embeddings), declared through `AbsArchitecture` as its documentation says.
"""

from typing import Any

import LibMTL.weighting
import numpy as np
import torch
from LibMTL.architecture.abstract_arch import AbsArchitecture
from torch import nn

from benchmarks.members.torch_loop import DEVICE, make_optimizer, member
from benchmarks.members.torch_models import Model, losses
from benchmarks.worker import Member
from benchmarks.workloads import Workload

# Their names, and the arguments that LibMTL's configuration sets by default.
METHODS = {
    "equal": ("EW", {}),
    "pcgrad": ("PCGrad", {}),
    "cagrad": ("CAGrad", {"calpha": 0.5, "rescale": 1}),
    "mgda": ("MGDA", {"mgda_gn": "none"}),
    "upgrad": ("UPGrad", {"UPGrad_norm_eps": 1e-4, "UPGrad_reg_eps": 1e-4}),
    "gradnorm": ("GradNorm", {"alpha": 1.5}),
    "nash_mtl": (
        "Nash_MTL",
        {"update_weights_every": 1, "optim_niter": 20, "max_norm": 1.0},
    ),
}


class Architecture(AbsArchitecture):
    """A `Model`, with what LibMTL asks of an architecture."""

    def __init__(self, workload: Workload, stacked: bool):
        names = [f"t{i}" for i in range(workload.tasks)]
        super().__init__(names, None, nn.ModuleDict(), False, False, DEVICE)
        self.net = Model(workload, stacked)
        self.init_param()

    def forward(self, inputs):
        return self.net(inputs)

    def get_share_params(self):
        return self.net.shared.parameters()

    def zero_grad_share_params(self):
        self.net.shared.zero_grad(set_to_none=False)


def build(spec: dict[str, Any]) -> Member:
    """A run with the weighting of "method"; "stacked" experts."""
    workload = Workload.of(spec["workload"])
    name, arguments = METHODS[spec["method"]]
    weighting = getattr(LibMTL.weighting, name)
    torch.manual_seed(0)
    kind = type(name, (Architecture, weighting), {})
    model = kind(workload, spec.get("stacked", False)).to(DEVICE)
    # As from the trainer's second epoch on, where GradNorm begins.
    model.epoch, model.train_loss_buffer = 1, np.ones((workload.tasks, 2))
    optimizer = make_optimizer(workload, model.parameters())

    def step(x, labels):
        found = losses(workload, model(x), labels)
        optimizer.zero_grad(set_to_none=False)
        model.backward(found, **arguments)
        optimizer.step()
        return found

    return member(spec, workload, step, "LibMTL 1.1.5")
