"""What reading a split from Parquet costs, beside the training that it feeds: W1.

    python -m benchmarks.feeding

40 categorical columns x 100 values, MMoE of 8 experts 320-128-64, 2 tasks, batch 2048,
Adam. The same rows are fed from the device (resident) and from Parquet (half of its 32
row groups held at a time, chunks of 10 steps read ahead), in turns. The share is of CPU
time: reading, shuffling, cutting and copying a chunk, by itself, over training on one.
"""

import argparse
import functools
import tempfile
import time
from pathlib import Path

import jax
import numpy as np
import optax
import pandas as pd

from benchmarks.rounds import interleave, save, spread
from mtlx import balancers, models
from mtlx.data import Blocks, Dataset, Layout, ParquetBlocks, Schema
from mtlx.data.chunked import iterate_chunks
from mtlx.data.feed import make_feed
from mtlx.data.shuffle import Shuffle
from mtlx.tasks import Task
from mtlx.train import build_model, init_state, make_step
from mtlx.train.program import chunk_inputs, compile_program

FIELDS, VALUES, BATCH = 40, 100, 2048
TASKS = (Task("click", "binary"), Task("buy", "binary"))


def write_rows(path: Path, rows: int) -> Layout:
    """Random ids and labels in 32 row groups."""
    rng = np.random.default_rng(0)
    names = tuple(f"field_{number}" for number in range(FIELDS))
    columns = {name: rng.integers(0, VALUES, rows, dtype=np.int32) for name in names}
    for task in TASKS:
        columns[task.name] = rng.integers(0, 2, rows).astype(np.int8)
    pd.DataFrame(columns).to_parquet(path, row_group_size=-(-rows // 32))
    return Layout({task.name: task.name for task in TASKS}, categorical=names)


class Run:
    """Chunks of training, one a call, on rows from one place."""

    def __init__(self, train, steps: int):
        schema = Schema(cardinalities=(VALUES,) * FIELDS)
        model = build_model(
            functools.partial(
                models.MMoE,
                num_experts=8,
                expert_widths=(128, 64),
                tower_widths=(64, 32),
            ),
            functools.partial(models.FeatureEncoder, embedding_dim=8),
            Dataset("w1", TASKS, schema, train, train, train),
        )
        self.feed = make_feed(train, BATCH)
        first = jax.tree.map(lambda x: x[0], self.feed.order(jax.random.key(0)))
        batch = self.feed.fetch(self.feed.arrays, first)
        optimizer, balancer = optax.adam(1e-3), balancers.equal()
        step = make_step(model, TASKS, optimizer, balancer, steps)
        init = functools.partial(init_state, model, optimizer, balancer)
        self.state = jax.jit(init)(batch, jax.random.key(0))
        chunks = self.feed.steps_per_epoch // steps
        self.program = compile_program(step, self.feed, self.state, chunks, steps)
        self.epoch, self.inputs = 0, iter(())

    def __call__(self):
        inputs = next(self.inputs, None)
        if inputs is None:
            self.epoch += 1
            key = jax.random.key(0)
            self.inputs = chunk_inputs(self.program, self.feed, key, self.epoch)
            inputs = next(self.inputs)
        self.state, history = self.program.run(self.state, *inputs)
        return history


def feeding_seconds(blocks: Blocks, steps: int, chunks: int) -> float:
    """CPU seconds of a chunk, made without any training."""
    shuffle = Shuffle(blocks, BATCH, (0,))
    iterator = iterate_chunks(shuffle, steps, 0, chunks)
    begin = time.process_time()
    jax.block_until_ready(list(iterator))
    return (time.process_time() - begin) / chunks


def training_seconds(run: Run, chunks: int) -> float:
    """CPU seconds of a chunk of steps on resident rows."""
    begin = time.process_time()
    for _ in range(chunks):
        jax.block_until_ready(run())
    return (time.process_time() - begin) / chunks


def main() -> None:
    """Prints the figures and writes benchmarks/results/feeding.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        layout = write_rows(path, options.rows)
        source = ParquetBlocks(path, layout)
        blocks = Blocks(source, window=16)
        whole = [source.read(block) for block in range(len(source.sizes))]
        rows = jax.tree.map(lambda *parts: np.concatenate(parts), *whole)
        runs = {
            "resident": Run(rows, options.steps),
            "parquet": Run(blocks, options.steps),
        }
        seconds = interleave(runs, options.rounds)
        share = []
        for _ in range(options.rounds):
            fed = feeding_seconds(blocks, options.steps, chunks=9)  # a pass
            share.append(fed / training_seconds(runs["resident"], chunks=1))
    figures = {"rows": options.rows, "rounds": options.rounds, "steps": options.steps}
    for name, values in seconds.items():
        figures[name] = {
            "steps_per_second": spread([options.steps / s for s in values])
        }
    pairs = zip(seconds["parquet"], seconds["resident"], strict=True)
    figures["time_over_resident"] = spread([own / base for own, base in pairs])
    figures["cpu_share_of_feeding"] = spread(share)
    for name in (*runs, "time_over_resident", "cpu_share_of_feeding"):
        print(name, figures[name])
    print(f"Wrote {save('feeding', figures)}")


if __name__ == "__main__":
    main()
