"""What many devices cost a step: bytes counted, seconds measured.

    python -m benchmarks.scaling

Eight simulated devices share the cores of one machine, so the seconds show what cutting
the work adds (programs, copies, waiting), never a gain. The bytes are read from the
compiled step: they are what a cluster would exchange, beside what `volume` expects.
"""

import argparse
import functools
import os

os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=8")

import jax
import numpy as np
import optax

from benchmarks.collectives import collectives
from benchmarks.rounds import interleave, save, spread
from benchmarks.volume import sizes_of, volume
from mtlx import balancers, models
from mtlx.data.feed import resident
from mtlx.tasks import Task
from mtlx.train.parallel import STRATEGIES, make_parallel
from mtlx.train.plan import Settings, make_plan
from mtlx.types import Batch

COUNTED = ("equal", "pcgrad", "graddrop", "modo")
TIMED = ("equal", "pcgrad")
ROWS, FIELDS, VALUES = 480, 20, 100  # 480: 8 devices, and thirds of a batch on each
OPTIMIZER = optax.adam(1e-3)


def workload(num_tasks: int):
    """(model, tasks, feed): MMoE, 4 experts 160-64-32, on 20 fields of 100 values."""
    rng = np.random.default_rng(0)
    tasks = tuple(Task(f"t{i}", "binary") for i in range(num_tasks))
    names = tuple(task.name for task in tasks)
    model = models.MMoE(
        tasks=names,
        outputs=(1,) * num_tasks,
        encoder=functools.partial(
            models.FeatureEncoder, cardinalities=(VALUES,) * FIELDS
        ),
        num_experts=4,
        expert_widths=(64, 32),
        tower_widths=(16,),
    )
    total = 4 * ROWS
    ids = rng.integers(0, VALUES, (total, FIELDS)).astype(np.int32)
    labels = {name: rng.integers(0, 2, total).astype(np.float32) for name in names}
    where = dict.fromkeys(names, np.ones(total, bool))
    return model, tasks, resident(Batch({"categorical": ids}, labels, where), ROWS)


def parts(name: str, num_tasks: int, strategy: str | None, devices: int):
    """(strategy, placed feed, state, step) of one balancer."""
    model, tasks, feed = workload(num_tasks)
    rule = getattr(balancers, name)()
    mesh = None if strategy is None else {"data": devices}
    place = make_parallel(strategy, mesh, batch_size=ROWS, needs=rule.needs)
    feed = place.place_feed(feed)
    plan = make_plan(model, rule, OPTIMIZER, tasks, feed, Settings(), place.axis)
    return place, feed, place.make_state(plan, jax.random.key(0)), plan.step


def count(name: str, num_tasks: int, strategy: str, devices: int) -> dict:
    """Bytes that one device exchanges in a step, by kind, beside the expected ones."""
    place, feed, state, step = parts(name, num_tasks, strategy, devices)
    params = jax.eval_shape(lambda: state.params)
    model, _, _ = workload(num_tasks)

    def run(state, arrays, index):
        return step(state, place.fetch(feed, arrays, index))

    index = np.arange(ROWS, dtype=np.int32)
    program = place.compile(run, state, feed.arrays, index).as_text()
    calls, size = collectives(program)
    return {
        "balancer": name,
        "tasks": num_tasks,
        "strategy": strategy,
        "devices": devices,
        "calls": dict(calls),
        "bytes": dict(size),
        "expected": volume(
            sizes_of(params, model.owner), num_tasks, getattr(balancers, name)().needs
        ),
    }


def runner(name: str, strategy: str | None, devices: int, steps: int):
    """A function that trains `steps` steps on, in one dispatch."""
    place, feed, state, step = parts(name, 2, strategy, devices)

    def run(state, arrays, order):
        return jax.lax.scan(
            lambda s, x: step(s, place.fetch(feed, arrays, x)), state, order
        )

    rng = np.random.default_rng(1)
    order = rng.integers(0, 4 * ROWS, (steps, ROWS)).astype(np.int32)
    compiled = place.compile(run, state, feed.arrays, order)

    def train():
        nonlocal state
        state, metrics = compiled(state, feed.arrays, order)
        return metrics

    return train


def timed(rounds: int, steps: int) -> list[dict]:
    """Seconds a step of all strategies and numbers of devices, rounds interleaved."""
    places = [(None, 1)] + [(s, n) for s in STRATEGIES for n in (2, 4, 8)]
    keys = [(name, *place) for name in TIMED for place in places]
    runners = {}
    for name, strategy, devices in keys:
        key = f"{name} {strategy} {devices}"
        runners[key] = runner(name, strategy, devices, steps)
    seconds = interleave(runners, rounds)
    return [
        {
            "balancer": name,
            "strategy": strategy,
            "devices": devices,
            "seconds": spread([s / steps for s in row]),
        }
        for (name, strategy, devices), row in zip(keys, seconds.values(), strict=True)
    ]


def count_all() -> None:
    """Prints the bytes and writes results/scaling_bytes.json."""
    print("bytes of one device in a step, 8 devices")
    rows = []
    for num_tasks in (2, 8):
        for name in COUNTED:
            for strategy in ("shard_map", "jit", "fsdp"):
                row = count(name, num_tasks, strategy, 8)
                what = f"{name:9} T={num_tasks} {strategy:9}"
                total, expected = sum(row["bytes"].values()), row["expected"]
                print(f"{what} {total:9} expected {expected:9} {row['bytes']}")
                rows.append(row)
    save("scaling_bytes", {"rows": ROWS, "counted": rows})


def time_all(rounds: int, steps: int) -> None:
    """Prints the seconds and writes results/scaling.json."""
    print("ms a step, T = 2, all devices on the same cores")
    rows = timed(rounds, steps)
    for row in rows:
        where = f"{row['strategy']} x {row['devices']}"
        print(f"{row['balancer']:9} {where:15} {1e3 * row['seconds']['median']:8.2f}")
    save("scaling", {"rows": ROWS, "steps": steps, "timed": rows})


def main() -> None:
    """Both tables, or one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=("all", "bytes", "seconds"), default="all")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=10)
    options = parser.parse_args()
    if options.part != "seconds":
        count_all()
    if options.part != "bytes":
        time_all(options.rounds, options.steps)


if __name__ == "__main__":
    main()
