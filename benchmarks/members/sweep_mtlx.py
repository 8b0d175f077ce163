"""Seeds of W3 in one mtlx process: `vmap` over one compiled scan.

    python -m benchmarks.members.sweep_mtlx --seeds 16 --steps 2000

Needs jax, flax, optax and numpy alone.
"""

import argparse
import json
import time

import jax
import jax.numpy as jnp

from benchmarks.members.mtlx_member import make_dataset, make_model, make_optimizer
from benchmarks.workloads import Workload, w3
from mtlx import balancers
from mtlx.data.feed import make_feed
from mtlx.train.state import init_state, order_key
from mtlx.train.step import make_step
from mtlx.types import Array


def make_programs(workload: Workload, rows: int):
    """(feed, start(seeds) -> states, epoch(states, arrays, number) -> states, losses).

    Both are vmapped over the seeds; each seed has its own order of the rows.
    """
    dataset = make_dataset(workload, rows)
    model, optimizer = make_model(workload, dataset), make_optimizer(workload)
    balancer = balancers.equal()
    feed = make_feed(dataset.train, workload.batch_size)
    step = make_step(model, dataset.tasks, optimizer, balancer, feed.steps_per_epoch)
    first = jax.tree.map(lambda x: x[: workload.batch_size], feed.arrays)

    def start(seed):
        return init_state(model, optimizer, balancer, first, jax.random.key(seed))

    def epoch(state, arrays, number):
        def one(state, x):
            state, metrics = step(state, feed.fetch(arrays, x))
            return state, metrics["loss"]

        order = feed.order(order_key(state.key, number))
        state, losses = jax.lax.scan(one, state, order)
        return state, losses[-1]

    over_seeds = jax.vmap(epoch, in_axes=(0, None, None))
    return feed, jax.jit(jax.vmap(start)), jax.jit(over_seeds, donate_argnums=0)


def train(workload: Workload, seeds: int, steps: int, rows: int) -> Array:
    """The last losses [S, T]."""
    feed, start, epoch = make_programs(workload, rows)
    states = start(jnp.arange(seeds))
    for number in range(-(-steps // feed.steps_per_epoch)):
        states, losses = epoch(states, feed.arrays, jnp.int32(number))
    return losses


def main(argv: list[str] | None = None) -> None:
    """Prints the mean of the last losses, and the seconds without imports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--rows", type=int, default=12_800)
    options = parser.parse_args(argv)
    begin = time.perf_counter()
    losses = train(w3(), options.seeds, options.steps, options.rows)
    print(
        json.dumps(
            {
                "loss": float(jnp.mean(losses)),
                "seconds": time.perf_counter() - begin,
                "jax": jax.__version__,
            }
        )
    )


if __name__ == "__main__":
    main()
