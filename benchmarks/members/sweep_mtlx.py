"""Seeds of W3 in one mtlx process: a population, one compiled program.

    python -m benchmarks.members.sweep_mtlx --seeds 16 --steps 2000

Members are spread over as many devices as there are cores, as the vectorised launcher
spreads them. Needs jax, flax, optax and numpy alone.
"""

import argparse
import json
import os
import time

import jax
import numpy as np

from benchmarks.members.mtlx_member import make_dataset, make_model, make_optimizer
from benchmarks.workloads import Workload, w3
from mtlx import balancers
from mtlx.train.lanes import Recipe
from mtlx.train.population import fit_population


def train(workload: Workload, seeds: int, steps: int, rows: int) -> np.ndarray:
    """Squared errors [S, T] of the epochs that were selected.

    A run scores one batch of rows after every epoch, which the PyTorch side does not;
    its cost stays in the time.
    """
    dataset = make_dataset(workload, rows)
    few = jax.tree.map(lambda x: x[: workload.batch_size], dataset.train)
    dataset = dataset._replace(validation=few, test=few)
    recipe = Recipe(
        make_model(workload, dataset), balancers.equal(), make_optimizer(workload)
    )
    results = fit_population(
        lambda numbers: recipe,
        dataset,
        range(seeds),
        epochs=-(-steps // (rows // workload.batch_size)),
        batch_size=workload.batch_size,
        devices=jax.local_device_count(),
    )
    scores = [[task["rmse"] for task in r.validation.values()] for r in results]
    return np.square(scores)


def main(argv: list[str] | None = None) -> None:
    """Prints the mean squared error, and the seconds without imports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--rows", type=int, default=12_800)
    options = parser.parse_args(argv)
    jax.config.update("jax_num_cpu_devices", len(os.sched_getaffinity(0)))
    begin = time.perf_counter()
    errors = train(w3(), options.seeds, options.steps, options.rows)
    seconds = time.perf_counter() - begin
    print(
        json.dumps({"loss": errors.mean(), "seconds": seconds, "jax": jax.__version__})
    )


if __name__ == "__main__":
    main()
