"""Seeds of W3 in one PyTorch process, batched by hand; one seed is the plain run.

    python -m benchmarks.members.sweep_torch --first 0 --seeds 16 --steps 2000

Every parameter has a leading axis of seeds and every layer is one batched product, so
that one seed is as fast as a plain model, and S seeds cost one dispatch a layer. Adam
works element by element: on stacked parameters it is S Adams.
"""

import argparse
import json
import os

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.workloads import Workload, w3

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def initial(workload: Workload, seeds: range) -> dict[str, Tensor]:
    """Stacked parameters: experts as one wide layer, gates and towers of all tasks."""
    experts, tasks = workload.experts, workload.tasks
    (units,), (hidden,) = workload.widths, workload.tower
    shapes = {
        "experts": (workload.width, experts * units),
        "gates": (workload.width, tasks * experts),
        "tower": (tasks, units, hidden),
        "output": (tasks, hidden, 1),
    }
    rows = []
    for seed in seeds:
        draw = torch.Generator().manual_seed(seed)
        rows.append(
            {
                name: torch.randn(shape, generator=draw) / shape[-2] ** 0.5
                for name, shape in shapes.items()
            }
        )
    params = {name: torch.stack([row[name] for row in rows]) for name in shapes}
    count = len(seeds)
    params["experts_bias"] = torch.zeros(count, 1, experts * units)
    params["tower_bias"] = torch.zeros(count, tasks, 1, hidden)
    params["output_bias"] = torch.zeros(count, tasks, 1, 1)
    return {name: value.to(DEVICE).requires_grad_() for name, value in params.items()}


def losses(workload: Workload, params: dict, x: Tensor, labels: Tensor) -> Tensor:
    """[S, T] of x [S, B, D] and labels [S, B, T]."""
    seeds, rows, _ = x.shape
    experts = torch.baddbmm(params["experts_bias"], x, params["experts"]).relu()
    experts = experts.view(seeds, rows, workload.experts, -1)
    gates = torch.bmm(x, params["gates"])
    gates = gates.view(seeds, rows, workload.tasks, workload.experts).softmax(-1)
    mixed = (gates @ experts).transpose(1, 2)
    hidden = (mixed @ params["tower"] + params["tower_bias"]).relu()
    outputs = (hidden @ params["output"] + params["output_bias"]).squeeze(-1)
    return F.mse_loss(outputs, labels.transpose(1, 2), reduction="none").mean(-1)


def train(workload: Workload, seeds: range, steps: int, rows: int) -> Tensor:
    """The last losses [S, T]; each seed has its own order of the rows."""
    x, labels = (torch.from_numpy(a).to(DEVICE) for a in workload.rows(rows))
    params = initial(workload, seeds)
    optimizer = torch.optim.Adam(params.values(), lr=workload.learning_rate, fused=True)
    draws = [torch.Generator().manual_seed(seed) for seed in seeds]
    batches, size = rows // workload.batch_size, workload.batch_size
    for step in range(steps):
        batch = step % batches
        if batch == 0:
            orders = [torch.randperm(rows, generator=draw) for draw in draws]
            order = torch.stack(orders).to(DEVICE)
        index = order[:, batch * size : (batch + 1) * size]
        found = losses(workload, params, x[index], labels[index])
        optimizer.zero_grad(set_to_none=True)
        found.sum().backward()
        optimizer.step()
    return found.detach()


def main(argv: list[str] | None = None) -> None:
    """Prints the mean of the last losses."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--rows", type=int, default=12_800)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args(argv)
    torch.set_num_threads(options.threads)
    seeds = range(options.first, options.first + options.seeds)
    last = train(w3(), seeds, options.steps, options.rows)
    print(json.dumps({"loss": last.mean().item(), "torch": torch.__version__}))


if __name__ == "__main__":
    main()
