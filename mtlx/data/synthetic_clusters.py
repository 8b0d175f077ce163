"""Clusters of the MMoE paper's regression tasks: alike within, unrelated between."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from mtlx.data.dataset import Dataset, Schema, Stream
from mtlx.data.mmoe_process import MmoeProcess, mmoe_tasks, sample_mmoe
from mtlx.tasks import Task
from mtlx.types import Array, Float, PRNGKeyArray


def synthetic_clusters(
    sizes: Sequence[int] = (3, 3),
    correlation: float = 0.9,
    dim: int = 20,
    c: float = 1.0,
    num_sines: int = 1,
    noise_std: float = 0.1,
    eval_rows: int = 2_000,
    steps_per_epoch: int = 100,
    seed: int = 0,
    standardise: bool = True,
) -> Dataset:
    """Regressions whose weight vectors have the cosine `correlation` within a cluster.

    y_k = w_k' x + sum_{i=1..m} sin(i w_k' x + i) + e_k,   x ~ N(0, I),
    w_k = c (sqrt(p) u_cluster + sqrt(1 - p) v_k),   all u and v orthonormal,

    so that two tasks have the cosine p in one cluster and 0 in two. Which tasks belong
    together is known: the case to test groupings of tasks on.

    Args:
        sizes: tasks of each cluster; the tasks of a cluster follow one another.
        correlation: p, 0 to 1.
        dim: number of inputs, at least the number of clusters and tasks together.
        c: norm of w_k.
        num_sines: m; 0 leaves a linear label.
        noise_std: standard deviation of e_k.
        eval_rows: rows of the validation and of the test split.
        steps_per_epoch: training steps that count as an epoch.
        seed: draws the weight vectors and the two evaluation splits.
        standardise: divide the labels by their standard deviation.

    Returns:
        A `Dataset` with features {"numerical": [B, dim]}, labels [B] of "task_1", ...

    Raises:
        ValueError: no cluster, or one without a task; a value out of its range.

    Reference: the labels are those of Ma et al., KDD 2018, section 3.2; clusters are
    ours. The sines are slower than in `synthetic_mmoe`: there most of a label is of no
    use to a network that is small or trained for a few hundred steps.
    """
    sizes = tuple(sizes)
    _check(sizes, correlation, dim)
    key, validation_key, test_key = jax.random.split(jax.random.key(seed), 3)
    weights = _draw_weights(key, sizes, correlation, dim, c)
    steps = jnp.arange(1, num_sines + 1, dtype=jnp.float32)
    process = MmoeProcess.of(weights, c, steps, steps, noise_std, standardise)
    return Dataset(
        name="synthetic_clusters",
        tasks=tuple(Task(name, "regression") for name in mmoe_tasks(sum(sizes))),
        schema=Schema(numericals=dim),
        train=Stream(sample_mmoe, steps_per_epoch, process),
        validation=sample_mmoe(process, validation_key, eval_rows),
        test=sample_mmoe(process, test_key, eval_rows),
    )


def _draw_weights(
    key: PRNGKeyArray, sizes: tuple[int, ...], correlation: float, dim: int, c: float
) -> Float[Array, "tasks dim"]:
    basis, _ = jnp.linalg.qr(jax.random.normal(key, (dim, len(sizes) + sum(sizes))))
    cluster = jnp.repeat(jnp.arange(len(sizes)), jnp.array(sizes))
    common, own = basis.T[: len(sizes)][cluster], basis.T[len(sizes) :]
    return c * (jnp.sqrt(correlation) * common + jnp.sqrt(1.0 - correlation) * own)


def _check(sizes: tuple[int, ...], correlation: float, dim: int) -> None:
    if not sizes or min(sizes) < 1:
        raise ValueError(
            f"synthetic_clusters: expected sizes to be one number of tasks >= 1 for "
            f"each cluster, found {sizes}."
        )
    if not 0.0 <= correlation <= 1.0:
        raise ValueError(
            f"synthetic_clusters: expected correlation between 0 and 1 (a cosine), "
            f"found {correlation}."
        )
    if dim < len(sizes) + sum(sizes):
        raise ValueError(
            f"synthetic_clusters: expected dim >= {len(sizes) + sum(sizes)}, an "
            f"orthogonal vector for each cluster and task, found {dim}."
        )
