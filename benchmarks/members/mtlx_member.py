"""mtlx through its public parts: a model, `make_step`, a feed, a compiled program.

Needs jax, flax, optax and numpy alone.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.worker import Member
from benchmarks.workloads import Workload
from mtlx import balancers, models
from mtlx.data.dataset import Dataset, Schema
from mtlx.data.feed import make_feed
from mtlx.tasks import Task
from mtlx.train.build import build_model
from mtlx.train.program import Program, compile_program, cut_epoch
from mtlx.train.state import TrainState, init_state
from mtlx.train.step import make_step
from mtlx.types import Batch


def make_tasks(workload: Workload) -> tuple[Task, ...]:
    """Tasks t0, t1, ... of the workload's kind."""
    return tuple(Task(f"t{i}", workload.kind) for i in range(workload.tasks))


def make_batch(workload: Workload, count: int) -> Batch:
    """All rows of the workload's training split."""
    x, labels = workload.rows(count)
    names = [task.name for task in make_tasks(workload)]
    return Batch(
        features={"categorical" if workload.fields else "numerical": x},
        labels=dict(zip(names, labels.T.copy(), strict=True)),
        where={name: np.ones(count, bool) for name in names},
    )


def make_model(workload: Workload, dataset: Dataset):
    """The workload's MMoE, or its trunk with heads."""
    encoder = functools.partial(models.FeatureEncoder, embedding_dim=workload.embedding)
    if workload.experts:
        architecture = functools.partial(
            models.MMoE,
            num_experts=workload.experts,
            expert_widths=workload.widths,
            tower_widths=workload.tower,
        )
    else:
        architecture = functools.partial(
            models.SharedBottom,
            bottom_widths=workload.widths,
            tower_widths=workload.tower,
        )
    return build_model(architecture, encoder, dataset)


def make_dataset(workload: Workload, count: int) -> Dataset:
    """The rows as a `Dataset` whose splits are the same rows."""
    rows = make_batch(workload, count)
    schema = Schema((workload.values,) * workload.fields, workload.inputs)
    return Dataset(workload.name, make_tasks(workload), schema, rows, rows, rows)


def make_optimizer(workload: Workload) -> optax.GradientTransformation:
    """The workload's optimizer."""
    return getattr(optax, workload.optimizer)(workload.learning_rate)


class Trainer:
    """A compiled program and its state; `chunk()` and `epoch()` advance it.

    Args:
        spec: "workload", "method", "rows", "chunk" (steps of one dispatch), "form"
            ("steps": a chunk a unit of work; "epoch": an epoch), and "step", further
            arguments of `make_step`.
    """

    def __init__(self, spec: dict[str, Any]):
        workload = Workload.of(spec["workload"])
        dataset = make_dataset(workload, spec["rows"])
        model = make_model(workload, dataset)
        balancer = getattr(balancers, spec["method"])()
        optimizer = make_optimizer(workload)
        self.feed = make_feed(dataset.train, workload.batch_size)
        step = make_step(
            model,
            dataset.tasks,
            optimizer,
            balancer,
            self.feed.steps_per_epoch,
            **spec.get("step", {}),
        )

        def init(key, arrays):
            order = self.feed.order(key)
            batch = self.feed.fetch(arrays, order[0])
            return init_state(model, optimizer, balancer, batch, key)

        self.state: TrainState = jax.jit(init)(jax.random.key(0), self.feed.arrays)
        cut = cut_epoch(self.feed.steps_per_epoch, spec["chunk"])
        self.program: Program = compile_program(step, self.feed, self.state, *cut)
        self.done, self.loss = 0, None

    def chunk(self) -> int:
        """One dispatch; the number of its steps."""
        epoch, chunk = divmod(self.done, self.program.chunks)
        if chunk == 0:
            self.order = self.program.order(self.state.key, jnp.int32(epoch))
        self.state, metrics = self.program.run(
            self.state, self.feed.arrays, self.order, jnp.int32(chunk)
        )
        self.done, self.metrics = self.done + 1, metrics
        return self.program.chunk_steps

    def steps(self) -> int:
        """One chunk, waited for."""
        steps = self.chunk()
        self.loss = np.asarray(self.metrics["loss"])[-1]
        return steps

    def epoch(self) -> int:
        """One epoch as `fit` runs it, metrics read one chunk late; its rows."""
        steps, running = 0, None
        for _ in range(self.program.chunks):
            steps += self.chunk()
            if running is not None:
                jax.device_get(running)
            running = self.metrics
        self.loss = jax.device_get(running)["loss"][-1]
        return steps * self.feed.batch_size


def build(spec: dict[str, Any]) -> Member:
    """A run that trains; "precision" is that of JAX's products, float32 by default."""
    trainer = Trainer(spec)
    device = jax.devices()[0]
    return Member(
        run=trainer.epoch if spec["form"] == "epoch" else trainer.steps,
        losses=lambda: trainer.loss.tolist(),
        facts={
            "library": f"mtlx on jax {jax.__version__}",
            "device": device.device_kind,
            "compile_seconds": trainer.program.compile_seconds,
        },
        device_peak=lambda: (device.memory_stats() or {}).get("peak_bytes_in_use"),
    )
