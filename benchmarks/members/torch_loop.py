"""The training loop that the PyTorch members share: rows, batches, the device."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.worker import Member
from benchmarks.workloads import Workload

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
torch.set_num_threads(len(os.sched_getaffinity(0)))


def make_optimizer(workload: Workload, parameters, fused: bool = False):
    """The workload's optimizer; all its tensors in one kernel, if `fused`."""
    kinds = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}
    settings = {"fused": True} if fused else {}
    return kinds[workload.optimizer](parameters, lr=workload.learning_rate, **settings)


class Batches:
    """Endless shuffled batches: rows gathered by index, or a `DataLoader`."""

    def __init__(self, workload: Workload, count: int, loader: bool = False):
        x, labels = map(torch.from_numpy, workload.rows(count))
        x = x.long() if workload.fields else x
        self.size = workload.batch_size
        self.steps = count // self.size
        self.x, self.labels = x.to(DEVICE), labels.to(DEVICE)
        rows = TensorDataset(x, labels)
        self.loader = DataLoader(rows, self.size, shuffle=True, drop_last=True)
        self.next = self._endless(self._loaded if loader else self._gathered).__next__

    def _endless(self, epoch: Callable[[], Iterator]) -> Iterator:
        while True:
            yield from epoch()

    def _gathered(self) -> Iterator[tuple[Tensor, Tensor]]:
        order = torch.randperm(len(self.x), device=DEVICE)
        for index in order[: self.steps * self.size].split(self.size):
            yield self.x[index], self.labels[index].T

    def _loaded(self) -> Iterator[tuple[Tensor, Tensor]]:
        for x, labels in self.loader:
            yield x.to(DEVICE), labels.T.to(DEVICE)


def member(
    spec: dict[str, Any],
    workload: Workload,
    step: Callable[[Tensor, Tensor], Tensor],
    library: str,
) -> Member:
    """The member whose `step(x, labels [T, B]) -> losses [T]` trains."""
    batches = Batches(workload, spec["rows"], spec.get("loader", False))
    epoch = spec["form"] == "epoch"
    count = batches.steps if epoch else spec["chunk"]
    last = []

    def run():
        for _ in range(count):
            found = step(*batches.next())
        last[:] = found.detach().tolist()  # waits for an accelerator, too
        return count * workload.batch_size if epoch else count

    return finish(run, lambda: list(last), library)


def finish(run: Callable[[], int], losses: Callable[[], list], library: str) -> Member:
    """A member with the facts of this process."""

    def device_peak():
        return torch.cuda.max_memory_allocated() if DEVICE.type == "cuda" else None

    name = torch.cuda.get_device_name() if DEVICE.type == "cuda" else "cpu"
    facts = {"library": f"{library} on torch {torch.__version__}", "device": name}
    return Member(run, losses, facts, device_peak)
