"""W1, a census-like MMoE, against the PyTorch peers.   python -m benchmarks.w1

40 categorical columns x 100 ids, embedding 8; 8 experts 320-128-64; 2 tasks; batch
2048, Adam 1e-3. Groups: steps by method, and `epoch_*`: whole epochs over 200,000 rows
with each side's own way to load them.
"""

from benchmarks.entries import ours, peers, products
from benchmarks.groups import run_groups
from benchmarks.options import parse
from benchmarks.workloads import GRADIENT_METHODS, Workload, w1

EPOCH_ROWS = 200_000


def make_groups(workload: Workload, python: str | None, chunk: int, epoch_rows: int):
    """{group: members} of the steps and of the epochs."""
    groups = {}
    for method in ("equal", *GRADIENT_METHODS):
        found = peers(workload, method, python) if python else []
        groups[method] = [ours(workload, method, chunk=chunk), *found]
        groups[method] += products(python)
    for method in ("equal", "pcgrad"):
        whole = {"form": "epoch", "rows": epoch_rows}
        found = peers(workload, method, python, **whole) if python else []
        groups[f"epoch_{method}"] = [
            ours(workload, method, chunk=5 * chunk, **whole),
            *found,
        ]
    return groups


def main(argv: list[str] | None = None, workload: Workload | None = None) -> dict:
    """Prints a table a group and writes benchmarks/results/w1.json."""
    options = parse(__doc__, argv)
    workload = workload or w1()
    rows = min(EPOCH_ROWS, 98 * workload.batch_size)
    groups = make_groups(workload, options.peer_python, options.chunk, rows)
    flops = {
        group: {
            "workload": workload.record(),
            "step_flops": workload.step_flops(group.removeprefix("epoch_")),
        }
        for group in groups
    }
    return run_groups("w1", groups, options, flops)


if __name__ == "__main__":
    main()
