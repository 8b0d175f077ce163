"""W2, many tasks, against the PyTorch peers.   python -m benchmarks.w2

A trunk 256-512-512-256 with T heads 256-64-1, squared error, batch 256, SGD; groups
t2_*, t8_* and t32_*.
"""

from benchmarks.entries import ours, peers, products
from benchmarks.groups import run_groups
from benchmarks.options import parse
from benchmarks.workloads import w2

METHODS = ("equal", "pcgrad", "cagrad", "upgrad", "nash_mtl")


def main(argv: list[str] | None = None, tasks: tuple[int, ...] = (2, 8, 32)) -> dict:
    """Prints a table a group and writes benchmarks/results/w2.json."""
    options = parse(__doc__, argv)
    groups, facts, python = {}, {}, options.peer_python
    for count in tasks:
        workload = w2(count)
        # With many tasks a step of a peer takes half a second.
        chunk = 1 if count > 8 else 4
        for method in METHODS:
            group = f"t{count}_{method}"
            found = peers(workload, method, python, chunk=chunk) if python else []
            mine = ours(workload, method, chunk=options.chunk)
            groups[group] = [mine, *found, *products(python)]
            facts[group] = {
                "workload": workload.record(),
                "step_flops": workload.step_flops(method),
            }
    return run_groups("w2", groups, options, facts)


if __name__ == "__main__":
    main()
