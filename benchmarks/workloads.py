"""What W1, W2 and W3 train, for both sides: sizes, rows and FLOPs. NumPy alone."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

GRADIENT_METHODS = ("pcgrad", "cagrad", "mgda", "upgrad", "gradnorm", "nash_mtl")


@dataclasses.dataclass(frozen=True)
class Workload:
    """A model, its data and its optimizer.

    Args:
        name: of the results.
        tasks: number T of tasks.
        kind: "binary" (sigmoid cross-entropy) or "regression" (squared error).
        batch_size: B.
        fields, values, embedding: categorical columns, ids of each, and their width.
        inputs: numeric columns.
        experts: number of experts of an MMoE; 0 is one shared trunk with T heads.
        widths: layers of an expert, or of the trunk.
        tower: hidden layers of a tower.
        optimizer, learning_rate: "adam" or "sgd".
    """

    name: str
    tasks: int
    kind: str
    batch_size: int
    fields: int = 0
    values: int = 100
    embedding: int = 8
    inputs: int = 0
    experts: int = 0
    widths: tuple[int, ...] = (128, 64)
    tower: tuple[int, ...] = (32,)
    optimizer: str = "adam"
    learning_rate: float = 1e-3

    @property
    def width(self) -> int:
        """Width D of what the experts or the trunk read."""
        return self.fields * self.embedding + self.inputs

    def rows(self, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """(ids [N, F] int32 or values [N, D] float32, labels [N, T] float32).

        The labels are noisy linear rules of the columns, so that there is something to
        learn and the losses of two sides can be compared.
        """
        rng = np.random.default_rng(seed)
        if self.fields:
            x = rng.integers(0, self.values, (count, self.fields), dtype=np.int32)
            seen = x / self.values - 0.5
        else:
            x = rng.standard_normal((count, self.inputs), dtype=np.float32)
            seen = x
        rules = rng.standard_normal((seen.shape[1], self.tasks))
        score = seen @ rules / np.sqrt(seen.shape[1] * seen.var())
        score += 0.5 * rng.standard_normal(score.shape)
        labels = score > 0.0 if self.kind == "binary" else score
        return x, labels.astype(np.float32)

    def step_flops(self, method: str) -> float:
        """FLOPs of the products in one step, written as separate backward passes.

        2 M N K a product; a backward pass costs twice its forward pass. A method of
        task gradients passes T times back through what the tasks share. What a side
        saves against that (an encoder without input gradients, a Gram matrix that is
        never stacked) shows as a higher rate.
        """
        shared = self.experts or 1
        shared *= sum(a * b for a, b in _pairs((self.width, *self.widths)))
        own = sum(a * b for a, b in _pairs((self.widths[-1], *self.tower, 1)))
        own += self.width * self.experts + self.experts * self.widths[-1]
        passes = 1 + 2 * (self.tasks if method in GRADIENT_METHODS else 1)
        return 2.0 * self.batch_size * (shared * passes + 3 * self.tasks * own)

    def record(self) -> dict[str, Any]:
        """The fields, for a line of JSON; `Workload.of` reads it."""
        return dataclasses.asdict(self)

    @classmethod
    def of(cls, record: dict[str, Any]) -> "Workload":
        """What `record` wrote."""
        lists = {k: tuple(v) for k, v in record.items() if isinstance(v, list)}
        return cls(**(record | lists))


def _pairs(sizes: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    return zip(sizes[:-1], sizes[1:], strict=True)


def w1() -> Workload:
    """Census-like MMoE: 40 columns x 100 ids x 8; 8 experts 320-128-64; 2 tasks."""
    return Workload("w1", tasks=2, kind="binary", batch_size=2048, fields=40, experts=8)


def w2(tasks: int) -> Workload:
    """Many tasks: trunk 256-512-512-256, T heads 256-64-1."""
    return Workload(
        f"w2_t{tasks}",
        tasks=tasks,
        kind="regression",
        batch_size=256,
        inputs=256,
        widths=(512, 512, 256),
        tower=(64,),
        optimizer="sgd",
        learning_rate=1e-2,
    )


def w3() -> Workload:
    """A sweep's member: 100 inputs, 8 experts of 16, 2 towers of 8, batch 64."""
    return Workload(
        "w3",
        tasks=2,
        kind="regression",
        batch_size=64,
        inputs=100,
        experts=8,
        widths=(16,),
        tower=(8,),
    )
