"""W4: does a step's cost follow the batch, or the size of the embedding table?

    python -m benchmarks.embeddings

One table of 1e5, 1e6 or 1e7 rows x 16 that two id columns share half and half, two
tasks on a shared bottom, PCGrad, batch 4096, ids uniform (the worst case for a table:
hardly a row twice). Each program is the one that `mtlx.train.fit` runs: a scan over
steps, state donated. The sizes take turns. Adam, which passes over the whole table, is
there for comparison, without the largest size.
"""

import argparse
import functools
import os
import re
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import optax

from benchmarks.rounds import interleave, save, spread
from mtlx import balancers, models
from mtlx.data.dataset import Dataset, Schema, Stream
from mtlx.data.feed import make_feed
from mtlx.models import find_tables
from mtlx.tasks import Task
from mtlx.train import build_model, init_state, make_step
from mtlx.train.optimizers import bind, lazy_adam, rowwise_adagrad
from mtlx.train.program import compile_program
from mtlx.types import Batch

SIZES = (100_000, 1_000_000, 10_000_000)
WIDTH, BATCH = 16, 4096
TASKS = (Task("click", "binary"), Task("spend", "regression"))
OPTIMIZERS = {
    "lazy_adam": lazy_adam,
    "rowwise_adagrad": rowwise_adagrad,
    "adam": optax.adam,
}


def make_dataset(rows: int, steps: int) -> Dataset:
    """Batches drawn on the device, labels made of the ids."""

    def sample(arrays, key, batch_size):
        del arrays
        ids = jax.random.randint(key, (batch_size, 2), 0, rows // 2)
        parity = (ids % 2).astype(jnp.float32)
        labels = {"click": parity[:, 0], "spend": parity[:, 1] - parity[:, 0]}
        where = {task: jnp.ones(batch_size, bool) for task in labels}
        return Batch({"categorical": ids}, labels, where)

    rows_of_splits = jax.eval_shape(lambda: sample((), jax.random.key(0), 1))
    schema = Schema(cardinalities=(rows // 2, rows // 2))
    stream = Stream(sample, steps)
    return Dataset("ids", TASKS, schema, stream, rows_of_splits, rows_of_splits)


class Run:
    """A compiled chunk of steps that goes on from where it was at each call."""

    def __init__(self, optimizer: str, rows: int, steps: int):
        dataset = make_dataset(rows, steps)
        model = build_model(
            functools.partial(models.SharedBottom, bottom_widths=(64, 32)),
            functools.partial(models.FeatureEncoder, embedding_dim=WIDTH),
            dataset,
        )
        feed = make_feed(dataset.train, BATCH)
        first = feed.fetch((), jax.random.key(0))
        chosen = bind(
            OPTIMIZERS[optimizer](1e-3),
            len(TASKS),
            model.owner,
            find_tables(model, first.features),
        )
        balancer = balancers.pcgrad()
        step = make_step(model, TASKS, chosen, balancer, steps)
        init = functools.partial(init_state, model, chosen, balancer)
        self.state = jax.jit(init)(first, jax.random.key(0))
        self.program = compile_program(step, feed, self.state, 1, steps)
        self.order = self.program.order(self.state.key, jnp.int32(1))
        self.rows = rows

    def __call__(self):
        run = self.program.run
        self.state, history = run(self.state, (), self.order, jnp.int32(0))
        return history

    def passes(self) -> list[str]:
        """Instructions that write an array of the table's size, but for the scatters.

        A scatter writes its rows into the table that it is given.
        """
        made = re.compile(
            rf"%?([\w.-]+) = f32\[{self.rows},{WIDTH}\]\S* ([\w-]+)\("
        ).findall(self.program.run.as_text())
        held = {"parameter", "get-tuple-element"}
        return [op for name, op in made if op not in held and "scatter" not in name]


def measure(optimizer: str, rounds: int, steps: int, sizes: Sequence[int]) -> dict:
    """Steps a second, and each size's time over the smallest's of the same round.

    Args:
        optimizer: one at a time: what Adam's passes leave in the caches would be
            charged to whoever is next.
        rounds: in each of which every size has a turn.
        steps: of a turn.
        sizes: of the table, the smallest first.
    """
    runs = {rows: Run(optimizer, rows, steps) for rows in sizes}
    seconds = interleave(runs, rounds)
    figures = {}
    for rows, run in runs.items():
        pairs = zip(seconds[rows], seconds[sizes[0]], strict=True)
        figures[f"{rows:,}"] = {
            "steps_per_second": spread([steps / s for s in seconds[rows]]),
            "time_over_smallest": spread([own / base for own, base in pairs]),
            "passes_over_the_table": len(run.passes()),
        }
    return figures


def main() -> None:
    """Prints the figures and writes them to benchmarks/results/."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--name", default="embeddings", help="of the results' file")
    options = parser.parse_args()
    plan = {
        "lazy_adam": (options.steps, SIZES),
        "rowwise_adagrad": (options.steps, SIZES),
        "adam": (max(options.steps // 10, 1), SIZES[:-1]),
    }
    figures = {
        "batch": BATCH,
        "width": WIDTH,
        "rounds": options.rounds,
        "glibc_tunables": os.environ.get("GLIBC_TUNABLES", ""),
        "optimizers": {
            name: measure(name, options.rounds, *rest) for name, rest in plan.items()
        },
    }
    for name, sizes in figures["optimizers"].items():
        for rows, row in sizes.items():
            print(
                f"{name:16} {rows:>10} rows"
                f" {row['steps_per_second']['median']:8.1f} steps/s,"
                f" x {row['time_over_smallest']['median']:.2f},"
                f" {row['passes_over_the_table']} passes over the table"
            )
    print(f"Wrote {save(options.name, figures)}")


if __name__ == "__main__":
    main()
