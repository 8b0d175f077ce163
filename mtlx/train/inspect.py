"""What the gates and experts of a model do on a split."""

from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from mtlx.data.feed import num_rows
from mtlx.models import Experts, Gate
from mtlx.tasks import Task
from mtlx.train.evaluate import cut_rows
from mtlx.train.parallel.one_device import OneDevice
from mtlx.train.selection import Scores
from mtlx.types import Array, Batch, PyTree

Path = tuple[str, ...]
Sums = dict[Path, dict[str, Any]]  # arrays of the device or of the host
MAX_ROWS = 4096  # means over more rows say the same


def make_inspector(
    model: nn.Module,
    tasks: tuple[Task, ...],
    rows: Batch,
    batch_size: int,
    devices: OneDevice | None = None,
) -> Callable[[PyTree], Scores]:
    """A function variables -> {task: {metric: value}}, see `inspect_scores`.

    Args:
        model: linen module of `mtlx.models`.
        tasks: of the data set.
        rows: the split, of which `sample_rows` are looked at.
        batch_size: rows a forward pass.
        devices: where the rows lie.
    """
    devices, rows = devices or OneDevice(), sample_rows(rows)
    features, total = cut_rows(rows, batch_size, devices), num_rows(rows)

    @devices.jit
    def collect(variables, features):
        return inspect_sums(model, variables, features, total)

    return lambda variables: inspect_scores(collect(variables, features), tasks)


def sample_rows(rows: Batch) -> Batch:
    """At most 4,096 rows, spread evenly; those without labels count too."""
    total = num_rows(rows)
    taken = min(total, MAX_ROWS)
    index = np.arange(taken) * total // taken
    return jax.tree.map(lambda x: np.asarray(x)[index], rows)


def inspect_sums(
    model: nn.Module, variables: PyTree, features: PyTree, total: int | Array
) -> Sums:
    """What `inspect_scores` needs, added up over rows; {} without gates and experts.

    Args:
        model, variables: of the forward pass.
        features: [batches, B, ...].
        total: number of rows; those beyond it fill up the last batch.
    """
    batches, size = jax.tree.leaves(features)[0].shape[:2]
    real = (jnp.arange(batches * size) < total).reshape(batches, size)

    def sums(batch):
        captured = _captured(model, variables, batch[0])
        return {path: _sums(path[-1], v, batch[1]) for path, v in captured.items()}

    return jax.tree.map(
        lambda x: jnp.sum(x, axis=0), jax.lax.map(sums, (features, real))
    )


def inspect_scores(sums: Sums, tasks: tuple[Task, ...]) -> Scores:
    """{task: {metric: value}} of the gates and experts of a model.

    For each `Gate`, of E > 1 weights g scaled to a sum of 1,

    * gate_entropy: mean over the rows of -sum_e g_e log g_e / log E; 1 is a uniform
      gate, 0 a choice of one expert;
    * expert_load_max: the largest of the E mean weights; 1 / E is an equal load,

    and for each `Experts`, expert_similarity: the mean over pairs of experts of the
    correlation of their outputs, every unit centred over the rows; 1 says that all
    compute the same, up to scale.

    What is named after a task is that task's, all else is "all" tasks'. In front of the
    metric stands what else the module is called: "level_0/gate_entropy".

    Args:
        sums: of `inspect_sums`.
        tasks: of the data set.
    """
    scores: Scores = {}
    names = tuple(task.name for task in tasks)
    for path, total in jax.device_get(sums).items():
        task, prefix = _place(path[:-1], names)
        total = {name: x.astype(np.float64) for name, x in total.items()}
        found = (_of_gate if path[-1] == "gate" else _of_experts)(**total)
        named = {prefix + name: float(value) for name, value in found.items()}
        scores.setdefault(task, {}).update(named)
    return scores


def gate_weights(
    model: nn.Module, variables: PyTree, features: Mapping[str, Array]
) -> dict[str, Array]:
    """{module: weights [B, G, E]} of every gate of E > 1 weights, for each row."""
    captured = _captured(model, variables, features)
    return {"/".join(p[:-1]): v for p, v in captured.items() if p[-1] == "gate"}


def _captured(
    model: nn.Module, variables: PyTree, features: Mapping[str, Array]
) -> dict[Path, Array]:
    """{(*path, "gate"): weights [B, G, E], (*path, "experts"): outputs [B, E, D]}."""
    kinds: dict[Path, str] = {}

    def wanted(module, method):
        if method != "__call__" or not isinstance(module, Gate | Experts):
            return False
        kinds[module.path] = "gate" if isinstance(module, Gate) else "experts"
        return True

    _, state = model.apply(variables, features, capture_intermediates=wanted)
    captured = {}
    flat = traverse_util.flatten_dict(state.get("intermediates", {}))
    for (*path, _), calls in flat.items():
        path = tuple(path)
        if any(kinds.get(path[:end]) == "gate" for end in range(len(path))):
            continue  # the hidden layers of a stack of gates
        values = jnp.concatenate([_stacked(kinds[path], call) for call in calls], 1)
        if values.shape[-1 if kinds[path] == "gate" else 1] > 1:
            captured[*path, kinds[path]] = values.astype(jnp.float32)
    return captured


def _stacked(kind: str, value: Array) -> Array:
    return value[:, None] if kind == "gate" and value.ndim == 2 else value


def _sums(kind: str, value: Array, real: Array) -> dict[str, Array]:
    """What is added up over the rows of a batch."""
    value = value * real[:, None, None]
    rows = jnp.sum(real, dtype=jnp.float32)
    if kind == "experts":
        products = jnp.einsum("bed,bfd->ef", value, value)
        return {"rows": rows, "sums": value.sum(0), "gram": products}
    shares = value / jnp.maximum(value.sum(axis=-1, keepdims=True), 1e-12)
    logs = jnp.log(jnp.where(shares > 0, shares, 1.0))
    return {
        "rows": rows * value.shape[1],
        "entropy": -jnp.sum(shares * logs),
        "load": shares.sum(axis=(0, 1)),
    }


def _of_gate(rows, entropy, load) -> dict[str, float]:
    return {
        "gate_entropy": entropy / rows / np.log(len(load)),
        "expert_load_max": load.max() / rows,
    }


def _of_experts(rows, sums, gram) -> dict[str, float]:
    covariance = gram - sums @ sums.T / rows
    scale = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    alive = np.flatnonzero(scale > 0)  # an expert that is constant is like no other
    correlation = covariance[np.ix_(alive, alive)] / np.outer(
        scale[alive], scale[alive]
    )
    pairs = correlation[np.triu_indices(len(alive), 1)]
    return {"expert_similarity": pairs.mean() if len(pairs) else np.nan}


def _place(path: Path, tasks: tuple[str, ...]) -> tuple[str, str]:
    """The task that a module is named after, and what to put before its metrics."""
    owner, parts = "all", []
    for part in path:
        named = [task for task in tasks if part.endswith(f"_{task}")]
        if named:
            owner = max(named, key=len)
            part = part.removesuffix(f"_{owner}")
        parts.append(part)
    if parts[-1] in ("gate", "experts"):
        parts.pop()
    return owner, "".join(f"{part}/" for part in parts)
